/* What the command line asks for: check, print, look after the spool, or run. Not for: running
 * itself (daemon.c), the spool (spool_command.c). */
#include "app/app.h"

#include <stdio.h>
#include <sysexits.h>

#include "app/daemon.h"
#include "app/spool_command.h"
#include "conf/load.h"
#include "config.h"

static void app_on_problem(void *ctx, const char *line)
{
    (void)ctx;
    fprintf(stderr, "%s\n", line);
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

static int app_with_config(const struct options *options)
{
    struct config *config = config_load(options->config, app_on_problem, NULL);
    int status = EX_OK;

    if (config == NULL) {
        return EX_CONFIG;
    }
    switch (options->action) {
    case OPTIONS_CHECK:
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
        log_configure(options->has_log_level ? options->log_level : config->log_level,
                      config->log_format);
        status = daemon_run(config);
        break;
    }
    config_free(config);
    return status;
}

int app_main(const struct options *options)
{
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
