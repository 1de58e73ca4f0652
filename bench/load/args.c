/* Parses the command line of the load programs from a table. See args.h. */
#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 64 };

static const char *program = "load";

void die(const char *format, ...)
{
    va_list words;
    fflush(stdout);
    fprintf(stderr, "%s: ", program);
    va_start(words, format);
    vfprintf(stderr, format, words);
    va_end(words);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

static _Noreturn void usage_error(const char *words, const char *what)
{
    fprintf(stderr, "%s: %s %s (see --help)\n", program, words, what);
    exit(EXIT_USAGE);
}

static _Noreturn void help(const char *purpose, const struct arg *table)
{
    printf("%s: %s\n", program, purpose);
    for (const struct arg *arg = table; arg->name; arg++)
        printf("  --%-14s %s\n", arg->name, arg->help);
    exit(EXIT_SUCCESS);
}

static const struct arg *find(const struct arg *table, const char *name)
{
    for (const struct arg *arg = table; arg->name; arg++)
        if (strcmp(arg->name, name) == 0)
            return arg;
    usage_error("unknown option", name);
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        usage_error("not a number:", text);
    return value;
}

void args_parse(int argc, char **argv, const char *purpose, const struct arg *table)
{
    const char *slash = strrchr(argv[0], '/');
    program = slash ? slash + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            help(purpose, table);
        if (strncmp(argv[i], "--", 2) != 0)
            usage_error("not an option:", argv[i]);
        const struct arg *arg = find(table, argv[i] + 2);
        if (arg->flag) {
            *arg->flag = true;
            continue;
        }
        if (++i == argc)
            usage_error("no value for", arg->name);
        if (arg->number)
            *arg->number = number(argv[i]);
        else
            *arg->text = argv[i];
    }
}
