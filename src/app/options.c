/* The command line of chunneld. For: arguments to a struct. Not for: acting on them (app.c). */
#include "app/options.h"

#include <getopt.h>
#include <string.h>

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 't'},
    {"print-config", no_argument, NULL, 'p'},
    {"log-level", required_argument, NULL, 'l'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

const char *options_help(void)
{
    return "Usage: chunneld [-c FILE] [-t|--check] [--print-config] [--log-level LEVEL]\n"
           "                [--version] [--help]\n"
           "       chunneld spool list | export NAME | purge NAME [-c FILE]\n"
           "\n"
           "Carries messages between Redis channels and AMQP 0-9-1 (RabbitMQ), as rules say.\n"
           "\n"
           "  -c, --config FILE    the configuration (default: " SYSCONFDIR
           "/chunneld/chunneld.json)\n"
           "  -t, --check          read and check the configuration, connect to nothing\n"
           "      --print-config   print the effective configuration, secrets hidden\n"
           "      --log-level L    error, warn, info or debug; wins over the configuration\n"
           "      --version        print the version\n"
           "  -h, --help           print this\n"
           "\n"
           "  spool list           what the bridges have in the spool\n"
           "  spool export NAME    print the messages of a bridge, one JSON envelope a line\n"
           "  spool purge NAME     remove them for good\n"
           "\n"
           "It runs in the foreground and logs to stderr. SIGTERM and SIGINT stop it in an\n"
           "orderly way, a second one at once. The spool commands are for while it does not run.\n"
           "See chunneld(8) and chunneld.json(5).\n";
}

static int options_take(struct options *options, int option, const char *value, struct err *err)
{
    switch (option) {
    case 'c':
        options->config = value;
        return 0;
    case 't':
        options->action = OPTIONS_CHECK;
        return 0;
    case 'p':
        options->action = OPTIONS_PRINT_CONFIG;
        return 0;
    case 'V':
        options->action = OPTIONS_VERSION;
        return 0;
    case 'h':
        options->action = OPTIONS_HELP;
        return 0;
    default:
        options->has_log_level = true;
        if (log_level_parse(value, &options->log_level) != 0) {
            return err_set(err, "--log-level %s: use error, warn, info or debug", value);
        }
        return 0;
    }
}

/* What stands on the command line beside the options: nothing, or a command for the spool. */
static int options_take_words(struct options *options, int count, char **words, struct err *err)
{
    static const struct {
        const char *name;
        enum options_action action;
        int words;
    } commands[] = {{"list", OPTIONS_SPOOL_LIST, 2},
                    {"export", OPTIONS_SPOOL_EXPORT, 3},
                    {"purge", OPTIONS_SPOOL_PURGE, 3}};
    size_t i;

    if (count == 0) {
        return 0;
    }
    if (options->action != OPTIONS_RUN || strcmp(words[0], "spool") != 0) {
        return err_set(err, "unexpected argument \"%s\"; a file is given with --config", words[0]);
    }
    for (i = 0; count > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(words[1], commands[i].name) == 0 && count == commands[i].words) {
            options->action = commands[i].action;
            options->bridge = count > 2 ? words[2] : NULL;
            return 0;
        }
    }
    return err_set(err, "use spool list, spool export NAME or spool purge NAME");
}

int options_parse(int argc, char **argv, struct options *out_options, struct err *err)
{
    struct options options = {.action = OPTIONS_RUN,
                              .config = SYSCONFDIR "/chunneld/chunneld.json"};
    int option;

    opterr = 0;
    optind = 0; /* GNU: start over, so that it can be called again */
    while ((option = getopt_long(argc, argv, ":c:th", long_options, NULL)) != -1) {
        if (option == ':') {
            return err_set(err, "%s needs a value; see --help", argv[optind - 1]);
        }
        if (option == '?') {
            return err_set(err, "unknown option %s; see --help", argv[optind - 1]);
        }
        if (options_take(&options, option, optarg, err) != 0) {
            return -1;
        }
    }
    if (options_take_words(&options, argc - optind, argv + optind, err) != 0) {
        return -1;
    }
    *out_options = options;
    return 0;
}
