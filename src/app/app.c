/* What the command line asks for: check, print, look after the spool, or run. Not for: running
 * itself (daemon.c), the spool (spool_command.c). */
#include "app/app.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/daemon.h"
#include "app/spool_command.h"
#include "base/journal.h"
#include "conf/load.h"
#include "config.h"

static void app_on_problem(void *ctx, const char *line)
{
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

/* What is no error: told by --check, and logged by the daemon. */
static void app_show_warnings(const struct config *config)
{
    size_t i;

    for (i = 0; i < config->warnings.count; i++) {
        fprintf(stderr, "%s\n", config->warnings.items[i]);
    }
}

static void app_log_warnings(const struct config *config)
{
    size_t i;

    for (i = 0; i < config->warnings.count; i++) {
        log_warn("configuration", NULL, "hardly meant",
                 log_text("warning", config->warnings.items[i]));
    }
}

static int app_print_config(const struct config *config)
{
    struct strbuf text = STRBUF_INIT;
    int status = EX_OK;

    config_print(config, &text);
    if (strbuf_failed(&text) || fputs(strbuf_text(&text), stdout) == EOF || fflush(stdout) != 0) {
        fprintf(stderr, "chunneld: the configuration could not be printed\n");
        status = EX_IOERR;
    }
    strbuf_fini(&text);
    return status;
}

/* A standard stream that came closed must not be the next socket: lines would go to a server. */
static void app_keep_streams_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) {
            exit(EX_OSERR);
        }
    }
}

static int app_run(const struct options *options, struct config *config)
{
    int journal = -1;
    int status;

    if (journal_is_stream(getenv("JOURNAL_STREAM"), STDERR_FILENO)) {
        journal = journal_open(JOURNAL_SOCKET);
    }
    log_configure(options->has_log_level ? options->log_level : config->log_level,
                  config->log_format);
    log_set_journal(journal);
    app_log_warnings(config);
    status = daemon_run(config, options->has_log_level);
    log_set_journal(-1);
    if (journal >= 0) {
        close(journal);
    }
    return status;
}

static int app_with_config(const struct options *options)
{
    struct config *config;
    int status = EX_OK;

    if (options->action == OPTIONS_RUN) {
        daemon_hold_signals();
    }
    config = config_load(options->config, app_on_problem, NULL);
    if (config == NULL) {
        return EX_CONFIG;
    }
    switch (options->action) {
    case OPTIONS_CHECK:
        app_show_warnings(config);
        printf("%s: ok, %zu bridges\n", options->config, config->bridge_count);
        break;
    case OPTIONS_PRINT_CONFIG:
        status = app_print_config(config);
        break;
    case OPTIONS_SPOOL_LIST:
    case OPTIONS_SPOOL_EXPORT:
    case OPTIONS_SPOOL_PURGE:
        status = spool_command_run(options, config);
        break;
    default:
        status = app_run(options, config);
        break;
    }
    config_free(config);
    return status;
}

int app_main(const struct options *options)
{
    app_keep_streams_open();
    switch (options->action) {
    case OPTIONS_VERSION:
        printf("chunneld %s\n", PACKAGE_VERSION);
        return EX_OK;
    case OPTIONS_HELP:
        fputs(options_help(), stdout);
        return EX_OK;
    default:
        return app_with_config(options);
    }
}
