/* Who may ask over HTTP: is every host but ours refused, and every token but the right one? */
#include "ops/http_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const allowed[] = {"gw.example", "proxy.example:8443"};
static const struct http_options options = {
    .address = "192.0.2.7", .port = 9419, .allow_hosts = allowed, .allow_count = 2};

static void test_foreign_hosts(void **state)
{
    static const char *const hosts[] = {
        NULL,
        "",
        ":",
        "evil.example",
        "evil.example:9419",
        "127.",
        "127.0.0",
        "127.0.0.1.evil.example",
        "127.0.0.x",
        "[",
        "[]",
        "[::2]",
        "[::1",
        "localhost.evil.example",
        "xlocalhost",
        "192.0.2.70",
        "gw.example.evil",
        "proxy.example",
        "proxy.example:1",
        "1270.0.1.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        assert_false(http_check_host(&options, hosts[i]));
    }
}

static void test_own_hosts(void **state)
{
    static const char *const hosts[] = {
        "localhost",      "LocalHost:9419", "127.0.0.1",    "127.0.0.1:1",
        "127.1.2.3",      "[::1]",          "[::1]:9419",   "192.0.2.7",
        "192.0.2.7:9419", "gw.example",     "GW.EXAMPLE:1", "proxy.example:8443",
    };
    static const struct http_options control = {.socket = "/run/x"};

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        assert_true(http_check_host(&options, hosts[i]));
    }
    assert_true(http_check_host(&control, "anything"));
    assert_true(http_check_host(&control, NULL));
}

static void test_tokens(void **state)
{
    static const char *const wrong[] = {
        NULL,
        "",
        "Bearer",
        "Bearer ",
        "Bearer secre",
        "Bearer secrets",
        "Bearer secretsecret",
        "Bearer Secret",
        "Basic secret",
        "secret",
        "Bearer  secret",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(http_check_token("secret", wrong[i]));
    }
    assert_true(http_check_token("secret", "Bearer secret"));
    assert_true(http_check_token("secret", "bearer secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_hosts),
        cmocka_unit_test(test_own_hosts),
        cmocka_unit_test(test_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
