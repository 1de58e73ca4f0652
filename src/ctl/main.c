/* chunnelctl: the daemon's companion on the command line. For: arguments. Not for: the commands
 * (commands.c, status.c, top.c). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config.h"
#include "ctl/command.h"

static const char help[] =
    "Usage: chunnelctl [--socket PATH] [--json] COMMAND\n"
    "\n"
    "  status             what is wrong first, with cause and remedy; connections; bridges\n"
    "  stats              the stats as JSON\n"
    "  top                live; keys sort: s state, n name, r received, d delivered, p pending;\n"
    "                     q ends\n"
    "  pause NAME         stop reading; NAME may be a glob, such as 'orders-*'\n"
    "  drain NAME         stop reading, and wait until nothing is pending\n"
    "  resume NAME        go on\n"
    "  reload             read the configuration anew, and tell what became of it\n"
    "  trace NAME         the messages of a bridge as they cross, up to 100 a second\n"
    "  spool list         what is on the disk, bridge by bridge\n"
    "  spool export NAME  those messages as JSON envelopes, a line each; takes none away\n"
    "  spool purge NAME   throw away what is kept of a bridge that is not in use\n"
    "  spool replay NAME --to BRIDGE\n"
    "                     give what is kept of a bridge that is gone to one that runs\n"
    "  check FILE         check a configuration; the daemon is not asked\n"
    "\n"
    "      --socket PATH  the control socket (default: $CHUNNELCTL_SOCKET, else\n"
    "                     /run/chunneld/control.sock)\n"
    "      --json         print the daemon's answer as it is\n"
    "      --no-wait      drain: do not wait for the end\n"
    "      --count N      top: so many times, then end\n"
    "      --limit N      trace: so many messages, then end (default: 100)\n"
    "      --to BRIDGE    spool replay: the bridge that takes the messages\n"
    "      --version      print the version\n"
    "  -h, --help         print this\n"
    "\n"
    "See chunnelctl(1).\n";

/* A command by its word. */
static const struct {
    const char *name;
    const char *argument; /* what it wants; NULL: nothing */
    int (*run)(const struct ctl *ctl);
} commands[] = {
    {"status", NULL, command_status},  {"stats", NULL, command_stats},
    {"top", NULL, command_top},        {"pause", "NAME", command_steer},
    {"resume", "NAME", command_steer}, {"drain", "NAME", command_steer},
    {"reload", NULL, command_reload},  {"check", "FILE", command_check},
    {"trace", "NAME", command_trace},  {"spool", "ACTION", command_spool},
};

enum {
    OPTION_SOCKET = 256,
    OPTION_JSON,
    OPTION_NO_WAIT,
    OPTION_COUNT,
    OPTION_LIMIT,
    OPTION_TO,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"json", no_argument, NULL, OPTION_JSON},
    {"no-wait", no_argument, NULL, OPTION_NO_WAIT},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"to", required_argument, NULL, OPTION_TO},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int usage(const char *words, const char *what)
{
    fprintf(stderr, "chunnelctl: %s%s; see --help\n", words, what);
    return EX_USAGE;
}

/* From 1 to a million; 0: it is no such number. */
static unsigned take_number(const char *text)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    return *end == '\0' && end != text && number <= 1000000 ? (unsigned)number : 0;
}

/* -1: go on; else the exit status. */
static int take_option(struct ctl *ctl, int option, char **argv)
{
    switch (option) {
    case OPTION_SOCKET:
        ctl->socket = optarg;
        return -1;
    case OPTION_JSON:
        ctl->json = true;
        return -1;
    case OPTION_NO_WAIT:
        ctl->no_wait = true;
        return -1;
    case OPTION_COUNT:
        ctl->count = take_number(optarg);
        return ctl->count > 0 ? -1 : usage("--count wants a number from 1 on, this is ", optarg);
    case OPTION_LIMIT:
        ctl->limit = take_number(optarg);
        return ctl->limit > 0 ? -1 : usage("--limit wants a number from 1 on, this is ", optarg);
    case OPTION_TO:
        ctl->to = optarg;
        return -1;
    case OPTION_VERSION:
        puts("chunnelctl " PACKAGE_VERSION);
        return EX_OK;
    case 'h':
        fputs(help, stdout);
        return EX_OK;
    case ':':
        return usage("a value is wanted behind ", argv[optind - 1]);
    default:
        return usage("unknown option ", argv[optind - 1]);
    }
}

/* What is wanted behind a command, in words. */
static const char *wanted(const char *argument)
{
    return strcmp(argument, "FILE") == 0   ? " wants a FILE"
           : strcmp(argument, "NAME") == 0 ? " wants the NAME of a bridge, or a glob"
                                           : " wants list, export, purge or replay";
}

static int run_command(struct ctl *ctl, int argc, char **argv)
{
    int most; /* words that make sense */
    size_t i;

    if (argc == 0) {
        return usage("a command is wanted", "");
    }
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[0], commands[i].name) != 0) {
            continue;
        }
        if (argc < 2 && commands[i].argument != NULL) {
            return usage(commands[i].name, wanted(commands[i].argument));
        }
        most = commands[i].run == command_spool ? 3 : commands[i].argument != NULL ? 2 : 1;
        if (argc > most) {
            return usage("unexpected argument ", argv[argc - 1]);
        }
        ctl->command = argv[0];
        ctl->argument = commands[i].argument != NULL ? argv[1] : NULL;
        ctl->name = argc > 2 ? argv[2] : NULL;
        return commands[i].run(ctl);
    }
    return usage("unknown command ", argv[0]);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.socket = getenv("CHUNNELCTL_SOCKET"), .limit = 100};
    int option;

    if (ctl.socket == NULL || ctl.socket[0] == '\0') {
        ctl.socket = "/run/chunneld/control.sock";
    }
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        int status = take_option(&ctl, option, argv);

        if (status >= 0) {
            return status;
        }
    }
    return run_command(&ctl, argc - optind, argv + optind);
}
