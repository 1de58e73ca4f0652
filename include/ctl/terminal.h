/* The terminal while something live is drawn on it. */
#ifndef CHUNNELD_CTL_TERMINAL_H
#define CHUNNELD_CTL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Takes keys as they are pressed and draws on a screen of its own; the terminal is as before after
 * terminal_leave(), which also happens when a signal ends the process. -1: it is no terminal. */
int terminal_enter(void);
void terminal_leave(void);
/* Waits for a key at most `ms`: the key, 0: none came, -1: the end is wanted (a signal, end of
 * input). */
int terminal_key(int ms);
void terminal_size(size_t *out_columns, size_t *out_lines);

#endif
