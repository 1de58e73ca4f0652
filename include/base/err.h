/* An error in words for people, made once, where it happens, and handed up to whoever can act on
 * it: a function logs or returns an error, never both. */
#ifndef CHUNNELD_BASE_ERR_H
#define CHUNNELD_BASE_ERR_H

struct err {
    char text[480]; /* NUL-terminated; cut where it does not fit */
};

/* Writes the words into `err` (NULL: thrown away) and returns -1, so that a caller can
 * `return err_set(err, ...)`. The format is printf's. */
int err_set(struct err *err, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));

/* As err_set, with what `errno_value` means appended after ": ". */
int err_set_errno(struct err *err, int errno_value, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));

#endif
