/* Raw keys and the alternate screen. For: top.c. */
#include "ctl/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios terminal_before;
static bool terminal_entered;
static volatile sig_atomic_t terminal_signalled;

static void terminal_on_signal(int number)
{
    terminal_signalled = number;
}

int terminal_enter(void)
{
    static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = terminal_on_signal};
    struct termios raw;
    size_t i;

    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal_before) != 0) {
        return -1;
    }
    for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        sigaction(endings[i], &action, NULL);
    }
    raw = terminal_before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    fputs("\033[?1049h\033[?25l", stdout);
    terminal_entered = true;
    return 0;
}

void terminal_leave(void)
{
    if (terminal_entered) {
        terminal_entered = false;
        fputs("\033[?25h\033[?1049l", stdout);
        fflush(stdout);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
    }
}

int terminal_key(int ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned char key;
    int ready;

    if (terminal_signalled) {
        return -1;
    }
    ready = poll(terminal_entered ? &input : NULL, terminal_entered ? 1 : 0, ms);
    if (terminal_signalled) {
        return -1;
    }
    if (ready <= 0) {
        return ready < 0 && errno != EINTR ? -1 : 0;
    }
    return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}

void terminal_size(size_t *out_columns, size_t *out_lines)
{
    struct winsize size;

    *out_columns = 0;
    *out_lines = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        *out_columns = size.ws_col;
        *out_lines = size.ws_row;
    }
}
