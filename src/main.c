/* chunneld's entry: the arguments, then app_main(). */
#include <stdio.h>
#include <sysexits.h>

#include "app/app.h"
#include "app/options.h"

int main(int argc, char **argv)
{
    struct options options;
    struct err err;

    if (options_parse(argc, argv, &options, &err) != 0) {
        fprintf(stderr, "chunneld: %s\n", err.text);
        return EX_USAGE;
    }
    return app_main(&options);
}
