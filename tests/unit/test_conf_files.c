/* Files: includes, passwords, definitions, and what is no file at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conf/load.h"

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* Lines, each after the folder's name, which is cut off where it stands. */
static void note(void *ctx, const char *line)
{
    struct strbuf *said = ctx;
    const char *at;

    strbuf_append_text(said, said->len ? "\n" : "");
    while ((at = strstr(line, folder)) != NULL) {
        strbuf_append(said, line, (size_t)(at - line));
        line = at + strlen(folder) + 1;
    }
    strbuf_append_text(said, line);
}

static void assert_problems(const char *name, const char *problems)
{
    struct strbuf said = STRBUF_INIT;
    char *path = strdup(path_of(name));

    assert_null(config_load(path, note, &said));
    assert_string_equal(strbuf_text(&said), problems);
    strbuf_fini(&said);
    free(path);
}

static struct config *load(const char *name)
{
    struct strbuf said = STRBUF_INIT;
    char *path = strdup(path_of(name));
    struct config *config = config_load(path, note, &said);

    if (config == NULL) {
        print_error("%s\n", strbuf_text(&said));
    }
    assert_non_null(config);
    strbuf_fini(&said);
    free(path);
    return config;
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/chunneld-conf.XXXXXX");
    return mkdtemp(folder) != NULL && mkdir(path_of("rules.d"), 0755) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"main.json",      "rules.d/10.json", "rules.d/20.json",
                                        "rules.d/5.json", "rules.d/z.json",  "rules.d/other.txt",
                                        "defs.json",      "password",        "fifo",
                                        "big.json",       "cert.pem"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(path_of(names[i]));
    }
    rmdir(path_of("rules.d/z.json"));
    rmdir(path_of("rules.d"));
    return rmdir(folder);
}

static void what_is_no_file_is_refused_at_once(void **state)
{
    uint64_t before = clock_monotonic_us();

    (void)state;
    assert_problems("none.json", "none.json:1:1: /: cannot be opened: No such file or directory");
    assert_problems("rules.d", "rules.d:1:1: /: a directory; a regular file is wanted");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_problems("fifo", "fifo:1:1: /: a FIFO; a regular file is wanted");
    assert_true(clock_monotonic_us() - before < 5 * CLOCK_US_PER_S);
}

static void large_files_are_refused(void **state)
{
    size_t len = 10 * 1024 * 1024;
    char *bytes = malloc(len);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, ' ', len);
    memcpy(bytes, "{\"connections\": {}", 18);
    bytes[len - 1] = '}';
    write_bytes("big.json", bytes, len);
    assert_problems("big.json", "big.json:1:1: /: longer than 8388608 bytes; shorten it");

    len = 8 * 1024 * 1024; /* just not too long; but so many values take too much memory */
    bytes[0] = '[';
    for (size_t i = 1; i < len - 2; i += 2) {
        memcpy(bytes + i, "1,", 2);
    }
    memcpy(bytes + len - 2, " ]", 2);
    bytes[len - 3] = '1';
    write_bytes("big.json", bytes, len);
    assert_problems("big.json",
                    "big.json:1:1000000: /499999: more than 500000 values; split it up");
    free(bytes);
}

static void deep_files_are_refused(void **state)
{
    char bytes[2002];

    (void)state;
    memset(bytes, '[', 1001);
    memset(bytes + 1001, ']', 1001);
    write_bytes("big.json", bytes, sizeof(bytes));
    assert_problems("big.json",
                    "big.json:1:49: /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"
                    "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0: nested deeper than "
                    "48 levels; flatten it");
}

static void foreign_bytes_are_refused(void **state)
{
    (void)state;
    write_bytes("main.json", "{\"a\": \"\0\"}", 10);
    assert_problems("main.json", "main.json:1:8: /a: a control character (0x00) in a string; write "
                                 "it as \\u0000");
    write_text("main.json", "{\"a\": \"\xFF\"}");
    assert_problems("main.json",
                    "main.json:1:8: /a: invalid UTF-8 (byte 0xFF); save the text as UTF-8");
    write_bytes("main.json", "\xFF\xFE{\0}\0", 6);
    assert_problems("main.json", "main.json:1:1: /: a value is wanted here, this is the byte 0xFF");
}

#define CONNECTIONS                                                                                \
    "\"connections\": {\"r\": {\"url\": \"redis://h\"}, \"a\": {\"url\": \"amqp://h\"}}"
#define BRIDGE(name)                                                                               \
    "{\"name\": \"" name "\", \"from\": {\"channel\": \"c\"}, \"to\": {\"queue\": \"q\"}}"

static void includes_are_sorted_and_added_up(void **state)
{
    struct config *config;

    (void)state;
    write_text("main.json",
               "{" CONNECTIONS ", \"bridges\": [" BRIDGE(
                   "main") "],\n"
                           "\"topology\": {\"queues\": [{\"name\": \"m\"}]},\n"
                           "\"include\": [\"rules.d/*.json\", \"rules.d/10.json\", \"no*.json\", "
                           "\"*.json\"]}");
    write_text("rules.d/20.json", "{\"bridges\": [" BRIDGE("b20") "]}");
    write_text("rules.d/10.json", "{\"bridges\": [" BRIDGE("b10") ", " BRIDGE(
                                      "b11") "],\n"
                                             "\"topology\": [{\"queues\": [{\"name\": \"i\"}]}]}");
    write_text("rules.d/5.json", "{\"description\": \"nothing\"}");
    write_text("rules.d/other.txt", "not read");
    unlink(path_of("big.json"));
    config = load("main.json");
    assert_int_equal(config->bridge_count, 4);
    assert_string_equal(config->bridges[0].name, "main");
    assert_string_equal(config->bridges[1].name, "b10");
    assert_string_equal(config->bridges[3].name, "b20");
    assert_string_equal(config->bridges[3].place.file, path_of("rules.d/20.json"));
    assert_int_equal(config->topology_count, 1);
    assert_int_equal(config->topologies[0].queue_count, 2);
    assert_string_equal(config->topologies[0].queues[1].name, "i");
    config_free(config);
}

static void problems_of_included_files_bear_their_names(void **state)
{
    (void)state;
    write_text("main.json",
               "{" CONNECTIONS ", \"bridges\": [" BRIDGE(
                   "one") "],\n"
                          "\"include\": [\"rules.d/*.json\", \"missing.json\"], \"oops\": 1}");
    write_text("rules.d/10.json", "{\"bridges\": [" BRIDGE("one") "]}");
    write_text("rules.d/20.json",
               "{\"stats\": {}, \"include\": [], \"bridges\": [{}], \"conections\": 1}");
    write_text("rules.d/5.json", "[]");
    assert_int_equal(mkdir(path_of("rules.d/z.json"), 0755), 0);
    assert_problems(
        "main.json",
        "main.json:2:13: /include/0: \"rules.d/z.json\": a directory; a regular file is wanted\n"
        "main.json:2:31: /include/1: there is no such file; a pattern that may find none has a "
        "\"*\" in it\n"
        "main.json:2:48: /oops: unknown key \"oops\"; the nearest known key of the configuration "
        "is "
        "\"log\"\n"
        "rules.d/10.json:1:23: /bridges/0/name: the name \"one\" is taken, at main.json:1:93; "
        "choose another\n"
        "rules.d/20.json:1:2: /stats: \"stats\" means nothing for an included file; it is for the "
        "main file\n"
        "rules.d/20.json:1:15: /include: \"include\" means nothing for an included file; it is for "
        "the main file\n"
        "rules.d/20.json:1:42: /bridges/0: \"name\" is missing; a bridge needs it\n"
        "rules.d/20.json:1:42: /bridges/0: \"from\" is missing; a bridge needs it\n"
        "rules.d/20.json:1:42: /bridges/0: \"to\" is missing; a bridge needs it\n"
        "rules.d/20.json:1:47: /conections: unknown key \"conections\"; the nearest known key of "
        "the configuration is \"topology\"\n"
        "rules.d/5.json:1:1: /: an object is wanted, this is an array");
    rmdir(path_of("rules.d/z.json"));
}

#define WITH_PASSWORD                                                                              \
    "{\"connections\": {\"r\": {\"url\": \"redis://u:old@h\",\n"                                   \
    " \"password_file\": \"password\"}}}"

static void passwords_come_from_files(void **state)
{
    static const struct {
        const char *content;
        const char *password;
    } cases[] = {{"secret", "secret"},
                 {"secret\n", "secret"},
                 {"secret\r\n", "secret"},
                 {"sec ret ", "sec ret "},
                 {"secret\n\n", "secret\n"}};
    struct strbuf printed = STRBUF_INIT;
    struct config *config;
    size_t i;

    (void)state;
    write_text("main.json", WITH_PASSWORD);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_text("password", cases[i].content);
        config = load("main.json");
        assert_string_equal(config->connections[0].urls[0].password, cases[i].password);
        assert_string_equal(config->connections[0].password_file, path_of("password"));
        config_print(config, &printed);
        assert_null(strstr(strbuf_text(&printed), "secret"));
        assert_null(strstr(strbuf_text(&printed), "old"));
        assert_non_null(strstr(strbuf_text(&printed), "redis://u:***@h:6379/0"));
        strbuf_reset(&printed);
        config_free(config);
    }
    strbuf_fini(&printed);
}

static void wrong_password_files(void **state)
{
    char large[5000];

    (void)state;
    write_text("main.json", WITH_PASSWORD);
    unlink(path_of("password"));
    assert_problems("main.json", "main.json:2:19: /connections/r/password_file: cannot be "
                                 "opened: No such file or directory");
    write_text("password", "\n");
    assert_problems("main.json", "main.json:2:19: /connections/r/password_file: the file is empty "
                                 "or holds a NUL; a password is wanted in it");
    write_bytes("password", "a\0b", 3);
    assert_problems("main.json", "main.json:2:19: /connections/r/password_file: the file is empty "
                                 "or holds a NUL; a password is wanted in it");
    memset(large, 'x', sizeof(large));
    write_bytes("password", large, sizeof(large));
    assert_problems("main.json", "main.json:2:19: /connections/r/password_file: longer than "
                                 "4096 bytes; shorten it");
}

static void certificates_must_be_there(void **state)
{
    struct config *config;

    (void)state;
    write_text("main.json", "{\"connections\": {\"r\": {\"url\": \"rediss://h\",\n"
                            " \"tls\": {\"ca_file\": \"cert.pem\"}}}}");
    unlink(path_of("cert.pem"));
    assert_problems("main.json", "main.json:2:21: /connections/r/tls/ca_file: cannot be opened: No "
                                 "such file or directory");
    write_text("cert.pem", "-----BEGIN CERTIFICATE-----\nfor the TLS library to judge");
    config = load("main.json");
    assert_string_equal(config->connections[0].tls.ca_file, path_of("cert.pem"));
    config_free(config);
}

#define NO_CERTIFICATE                                                                             \
    "holds no certificate; a PEM file is wanted, with \"-----BEGIN CERTIFICATE-----\" in it"
#define NO_KEY                                                                                     \
    "holds no private key; a PEM file is wanted, with \"-----BEGIN PRIVATE KEY-----\" in it"

static void what_is_no_certificate_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *problems; /* "": none */
    } cases[] = {
        {"", NO_CERTIFICATE},
        {"-----BEGIN CERTIFICATE REQUEST-----\n-----BEGIN RSA PRIVATE KEY-----\n", NO_CERTIFICATE},
        {"x\n-----BEGIN TRUSTED CERTIFICATE-----\r\n", NO_KEY},
        {"-----BEGIN CERTIFICATE-----\n-----BEGIN ENCRYPTED PRIVATE KEY-----",
         "the key is encrypted; give it without a password"},
        {"-----BEGIN CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
         "the key is encrypted; give it without a password"},
        {"-----BEGIN CERTIFICATE-----\r\n-----BEGIN EC PRIVATE KEY-----\r\n", ""},
    };

    (void)state;
    write_text("main.json", "{\"connections\": {\"r\": {\"url\": \"amqps://h\",\n"
                            " \"tls\": {\"cert_file\": \"cert.pem\"}}}}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[300];

        write_text("cert.pem", cases[i].text);
        if (cases[i].problems[0] == '\0') {
            config_free(load("main.json"));
            continue;
        }
        snprintf(expected, sizeof(expected), "main.json:2:23: /connections/r/tls/cert_file: %s",
                 cases[i].problems);
        assert_problems("main.json", expected);
    }
}

#define WITH_DEFINITIONS                                                                           \
    "{\"connections\": {\"a\": {\"url\": \"amqp://h/v\"}},\n"                                      \
    "\"topology\": {\"definitions_file\": \"defs.json\", \"queues\": [{\"name\": \"own\"}]}}"

static void definitions_of_rabbitmq_are_read(void **state)
{
    struct config *config;
    const struct conf_topology *topology;

    (void)state;
    write_text("main.json", WITH_DEFINITIONS);
    write_text(
        "defs.json",
        "{\"rabbit_version\": \"3.10.8\", \"users\": [{\"name\": \"guest\"}], \"policies\": [],"
        "\"permissions\": [], \"parameters\": [], \"vhosts\": [{\"name\": \"/\"}],"
        "\"exchanges\": [{\"name\": \"e\", \"vhost\": \"v\", \"type\": \"fanout\", \"durable\": "
        "true, \"auto_delete\": false, \"internal\": false, \"arguments\": {}, \"new\": 1},"
        " {\"name\": \"other\", \"vhost\": \"/\", \"type\": 5},"
        " {\"name\": \"amq.topic\", \"vhost\": \"v\", \"type\": \"topic\"}],"
        "\"queues\": [{\"name\": \"q\", \"vhost\": \"v\", \"durable\": true, \"type\": "
        "\"quorum\", \"arguments\": {\"x-queue-type\": \"quorum\"}}, {\"name\": \"p\"}],"
        "\"bindings\": [{\"source\": \"e\", \"vhost\": \"v\", \"destination\": \"q\", "
        "\"destination_type\": \"queue\", \"routing_key\": \"\", \"arguments\": {}, "
        "\"properties_key\": \"~\"},"
        " {\"source\": \"\", \"vhost\": \"v\", \"destination\": \"q\"}]}");
    config = load("main.json");
    topology = &config->topologies[0];
    assert_int_equal(topology->exchange_count, 1);
    assert_string_equal(topology->exchanges[0].type, "fanout");
    assert_string_equal(topology->exchanges[0].place.file, path_of("defs.json"));
    assert_int_equal(topology->queue_count, 3);
    assert_string_equal(topology->queues[1].name, "q");
    assert_string_equal(topology->queues[2].name, "p");
    assert_int_equal(topology->binding_count, 1);
    config_free(config);
}

static void wrong_definitions(void **state)
{
    (void)state;
    write_text("main.json", WITH_DEFINITIONS);
    unlink(path_of("defs.json"));
    assert_problems("main.json",
                    "main.json:2:34: /topology/definitions_file: \"defs.json\": cannot "
                    "be opened: No such file or directory");
    write_text("defs.json", "[]");
    assert_problems("main.json",
                    "defs.json:1:1: /: RabbitMQ's definitions are an object, this is an array");
    write_text("defs.json",
               "{\"queues\": {}, \"exchanges\": [{\"vhost\": \"v\"}, 1], \"bindings\": [{}");
    assert_problems("main.json", "defs.json:1:65: /bindings/0: ',' or ']' is wanted here, this is "
                                 "the end of the text");
    write_text("defs.json", "{\"queues\": {}, \"exchanges\": [{\"vhost\": \"v\"}, 1]}");
    assert_problems("main.json",
                    "defs.json:1:12: /queues: a list of objects is wanted, this is an object\n"
                    "defs.json:1:30: /exchanges/0: \"name\" is missing; an exchange needs it\n"
                    "defs.json:1:46: /exchanges/1: an object is wanted, this is a number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_file_is_refused_at_once),
        cmocka_unit_test(large_files_are_refused),
        cmocka_unit_test(deep_files_are_refused),
        cmocka_unit_test(foreign_bytes_are_refused),
        cmocka_unit_test(includes_are_sorted_and_added_up),
        cmocka_unit_test(problems_of_included_files_bear_their_names),
        cmocka_unit_test(passwords_come_from_files),
        cmocka_unit_test(wrong_password_files),
        cmocka_unit_test(certificates_must_be_there),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(definitions_of_rabbitmq_are_read),
        cmocka_unit_test(wrong_definitions),
    };
    return cmocka_run_group_tests_name("conf_files", tests, make_folder, remove_folder);
}
