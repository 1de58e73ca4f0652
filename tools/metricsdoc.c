/* Prints doc/metrics.md: the metrics, from their table. */
#include <stdio.h>

#include "ops/metrics.h"

static void print_labels(const struct metric *metric)
{
    static const char *const labels[] = {[METRIC_OF_DAEMON] = "",
                                         [METRIC_OF_CONNECTION] = "`connection`",
                                         [METRIC_OF_LAG] = "`connection`",
                                         [METRIC_OF_BRIDGE] = "`bridge`",
                                         [METRIC_OF_CALLS] = "`bridge`",
                                         [METRIC_OF_CANARY] = "`connection`"};
    size_t i;

    if (metric->kind == METRIC_ONE) {
        printf("`version`, `instance`");
        return;
    }
    printf("%s", labels[metric->scope]);
    for (i = 0; i < metric->line_count; i++) {
        if (metric->lines[i].label[0] != '\0') {
            printf(", `%s`", metric->lines[i].label);
        }
    }
    if (metric->type == METRIC_HISTOGRAM) {
        printf(", `le`");
    }
}

int main(void)
{
    size_t i;

    printf("# Metrics\n\n"
           "Printed from the table in the code by `make documents`; a check fails while this page "
           "is\nstale. `GET /metrics` gives them in Prometheus' text format. Alerts to begin with "
           "are in\n`contrib/prometheus/alerts.yml`, a dashboard is in "
           "`contrib/grafana/chunneld.json`.\n\n"
           "| metric | type | unit | labels | |\n| --- | --- | --- | --- | --- |\n");
    for (i = 0; i < metrics_count; i++) {
        const struct metric *metric = &metrics_table[i];

        printf("| `%s` | %s | %s | ", metric->name, metric_type_name(metric->type), metric->unit);
        print_labels(metric);
        printf(" | %s |\n", metric->help);
    }
    printf("\nThe buckets of the histogram end at");
    for (i = 0; i < METRIC_BOUNDS; i++) {
        printf("%s %s", i > 0 ? "," : "", metric_bounds_text[i]);
    }
    printf(" seconds.\nThe metrics of one answer are all of one moment, so that the books "
           "balance in them.\n");
    return 0;
}
