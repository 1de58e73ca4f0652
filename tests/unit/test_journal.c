/* Does the journal get every line with its priority and fields, whatever bytes are in them, and
 * does a journal that hangs or goes away stop nothing and lose nothing that stderr can take? */
#include "base/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* What stands in for journald: a folder with its socket. */
struct fake {
    char folder[64];
    char path[96];
    int server;
    int client;
    char got[JOURNAL_ENTRY_MAX]; /* the last entry */
    size_t len;
};

static int set_up(void **state)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_non_null(fake);
    strcpy(fake->folder, "/tmp/chunneld-journal-XXXXXX");
    assert_non_null(mkdtemp(fake->folder));
    snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
    fake->server = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fake->server >= 0);
    assert_int_equal(bind(fake->server, (struct sockaddr *)&address, sizeof(address)), 0);
    fake->client = journal_open(fake->path);
    assert_true(fake->client >= 0);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_set_clock(NULL);
    log_set_journal(fake->client);
    *state = fake;
    return 0;
}

static int tear_down(void **state)
{
    struct fake *fake = *state;

    log_set_journal(-1);
    close(fake->client);
    if (fake->server >= 0) {
        close(fake->server);
    }
    unlink(fake->path);
    rmdir(fake->folder);
    free(fake);
    return 0;
}

static bool receive(struct fake *fake)
{
    ssize_t len = recv(fake->server, fake->got, sizeof(fake->got), 0);

    fake->len = len > 0 ? (size_t)len : 0;
    return len > 0;
}

/* The value of a field of the last entry, as a string to free; NULL: it is not there. */
static char *field(const struct fake *fake, const char *name)
{
    const char *at = fake->got;
    const char *end = fake->got + fake->len;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        uint64_t len = 0;

        assert_non_null(newline);
        assert_true(newline + 1 + sizeof(len) <= end);
        for (unsigned i = 0; i < sizeof(len); i++) {
            len |= (uint64_t)(unsigned char)newline[1 + i] << (8 * i);
        }
        assert_true(len < (uint64_t)(end - newline - 1) - sizeof(len));
        if ((size_t)(newline - at) == strlen(name) && memcmp(at, name, strlen(name)) == 0) {
            return strndup(newline + 1 + sizeof(len), len);
        }
        at = newline + 1 + sizeof(len) + len;
        assert_int_equal(*at, '\n');
        at++;
    }
    return NULL;
}

static void assert_field(const struct fake *fake, const char *name, const char *expected)
{
    char *value = field(fake, name);

    assert_non_null(value);
    assert_string_equal(value, expected);
    free(value);
}

static void test_fields_of_a_line(void **state)
{
    struct fake *fake = *state;

    log_warn("connection", "redis", "lost", log_text("reason", "end of file"),
             log_number("port", 6379));
    assert_true(receive(fake));
    assert_field(fake, "PRIORITY", "4");
    assert_field(fake, "SYSLOG_IDENTIFIER", "chunneld");
    assert_field(fake, "MESSAGE",
                 "connection=\"redis\" msg=\"lost\" reason=\"end of file\" port=6379");
    assert_field(fake, "CHUNNEL_CONNECTION", "redis");
    assert_field(fake, "CHUNNEL_REASON", "end of file");
    assert_field(fake, "CHUNNEL_PORT", "6379");
    assert_false(receive(fake));
}

static void test_every_level_has_its_priority(void **state)
{
    struct fake *fake = *state;
    static const char *const expected[] = {"3", "4", "6", "7"};

    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    for (unsigned level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        log_event((enum log_level)level, NULL, NULL, "priority");
        assert_true(receive(fake));
        assert_field(fake, "PRIORITY", expected[level]);
        assert_field(fake, "MESSAGE", "msg=\"priority\"");
    }
}

/* One field cannot make another: the length says where it ends. */
static void test_a_value_with_newlines_forges_nothing(void **state)
{
    struct fake *fake = *state;

    log_info("bridge", "x\nPRIORITY=0\n", "said", log_text("why", "a\nMESSAGE=b"));
    assert_true(receive(fake));
    assert_field(fake, "PRIORITY", "6");
    assert_field(fake, "CHUNNEL_BRIDGE", "x\nPRIORITY=0\n");
    assert_field(fake, "CHUNNEL_WHY", "a\nMESSAGE=b");
    assert_field(fake, "MESSAGE",
                 "bridge=\"x\\nPRIORITY=0\\n\" msg=\"said\" why=\"a\\nMESSAGE=b\"");
}

static void test_json_is_left_whole(void **state)
{
    struct fake *fake = *state;
    char *message;

    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("bridge", "whole", "running");
    assert_true(receive(fake));
    message = field(fake, "MESSAGE");
    assert_non_null(message);
    assert_memory_equal(message, "{\"time\":\"", 9);
    assert_non_null(
        strstr(message, ",\"level\":\"info\",\"bridge\":\"whole\",\"msg\":\"running\"}"));
    assert_int_equal(message[strlen(message) - 1], '}');
    free(message);
}

/* The identifier tells the kinds apart and nothing else; it must never change. */
static void test_message_identifiers(void **state)
{
    struct fake *fake = *state;

    log_info("bridge", "a", "running", log_number("n", 1));
    assert_true(receive(fake));
    assert_field(fake, "MESSAGE_ID", "038d47480a61c3d6aef0866ecc471ce9");
    log_info("bridge", "b", "running", log_number("n", 2));
    assert_true(receive(fake));
    assert_field(fake, "MESSAGE_ID", "038d47480a61c3d6aef0866ecc471ce9");
    log_info("bridge", "b", "waiting");
    assert_true(receive(fake));
    assert_field(fake, "MESSAGE_ID", "a93835ea0861c3bdd8b7d2521570e795");
}

static void test_much_is_cut_not_broken(void **state)
{
    struct fake *fake = *state;
    char value[JOURNAL_ENTRY_MAX];

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_info("bridge", "much", "cut", log_text("huge", value), log_text("small", "here"));
    assert_true(receive(fake));
    assert_null(field(fake, "CHUNNEL_HUGE"));
    assert_field(fake, "CHUNNEL_SMALL", "here");
}

/* stderr as a file, so that what goes there can be read. */
static void say_to_file(const char *path, void (*say)(struct fake *fake), struct fake *fake)
{
    int kept = dup(STDERR_FILENO);

    assert_true(kept >= 0);
    assert_non_null(freopen(path, "w+", stderr));
    say(fake);
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
}

static void say_much(struct fake *fake)
{
    (void)fake;
    for (int i = 0; i < 5000; i++) {
        log_info("bridge", "hanging", "line", log_number("number", i));
    }
}

static void say_alone(struct fake *fake)
{
    close(fake->server);
    fake->server = -1;
    log_info("bridge", "alone", "line");
}

static unsigned count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned lines = 0;
    int c;

    assert_non_null(file);
    while ((c = fgetc(file)) != EOF) {
        lines += c == '\n';
    }
    fclose(file);
    unlink(path);
    return lines;
}

static void test_a_hanging_journal_stops_nothing(void **state)
{
    struct fake *fake = *state;
    char path[128];
    unsigned received = 0;

    snprintf(path, sizeof(path), "%s/stderr", fake->folder);
    say_to_file(path, say_much, fake);
    while (receive(fake)) {
        received++;
    }
    assert_true(received > 0);
    assert_int_equal(received + count_lines(path), 5000);
}

static void test_a_journal_that_went_away(void **state)
{
    struct fake *fake = *state;
    char path[128];

    snprintf(path, sizeof(path), "%s/stderr", fake->folder);
    say_to_file(path, say_alone, fake);
    assert_int_equal(count_lines(path), 1);
}

static void test_which_stream_is_the_journal(void **state)
{
    struct fake *fake = *state;
    struct stat found;
    char stream[64];

    assert_int_equal(fstat(fake->client, &found), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)found.st_dev,
             (unsigned long long)found.st_ino);
    assert_true(journal_is_stream(stream, fake->client));
    assert_false(journal_is_stream(stream, fake->server));
    assert_false(journal_is_stream(NULL, fake->client));
    assert_false(journal_is_stream("", fake->client));
    assert_false(journal_is_stream("1", fake->client));
    assert_false(journal_is_stream(strcat(stream, "x"), fake->client));
    assert_false(journal_is_stream(stream, -1));
    assert_int_equal(journal_open("/nowhere/socket"), -1);
    assert_int_equal(
        journal_open("/a/path/that/is/too/long/for/a/socket/xxxxxxxxxxxxxxxxxxxxxxxxxxx"
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fields_of_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_level_has_its_priority, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_value_with_newlines_forges_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_json_is_left_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_message_identifiers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_much_is_cut_not_broken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_hanging_journal_stops_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_journal_that_went_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which_stream_is_the_journal, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
