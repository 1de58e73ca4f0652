/* Does all that is written in a turn of the loop go out in one system call, also what calls
 * deferred in that turn write? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net_rig.h"

static unsigned writes;

/* In the place of the library's. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    writes++;
    return sendto(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, flags, NULL, 0);
}

/* A deferred call that writes, and defers another one. */
struct writer {
    struct net_rig *rig;
    struct loop_task task;
    struct writer *next; /* NULL: none */
};

static void on_write(void *ctx)
{
    struct writer *writer = ctx;

    net_rig_write(writer->rig, "x", 1);
    if (writer->next != NULL) {
        loop_defer(writer->rig->loop, &writer->next->task);
    }
}

static void writer_init(struct writer *writer, struct net_rig *rig, struct writer *next)
{
    *writer = (struct writer){.rig = rig, .next = next};
    loop_task_init(&writer->task, on_write, writer);
}

static void test_what_deferred_calls_write_goes_out_with_the_rest(void **state)
{
    struct net_rig rig;
    struct writer first, second;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    writer_init(&second, &rig, NULL);
    writer_init(&first, &rig, &second);
    writes = 0;
    net_rig_write(&rig, "a", 1);
    net_rig_write(&rig, "b", 1);
    loop_defer(rig.loop, &first.task);
    net_rig_peer_expect(&rig, "abxx", 4);
    assert_int_equal(writes, 1);
    net_rig_fini(&rig);
}

static size_t write_on_data(struct net_rig *rig, const uint8_t *data, size_t len)
{
    struct writer *writer = rig->ctx;

    (void)data;
    assert_int_equal(link_write(rig->link, "r", 1), 0);
    loop_defer(rig->loop, &writer->task);
    return len;
}

static void test_an_answer_goes_out_with_what_it_leads_to(void **state)
{
    struct net_rig rig;
    struct writer writer;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    writer_init(&writer, &rig, NULL);
    rig.on_data = write_on_data;
    rig.ctx = &writer;
    writes = 0;
    net_rig_peer_write(&rig, "q", 1);
    net_rig_peer_expect(&rig, "rx", 2);
    assert_int_equal(writes, 1);
    net_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_deferred_calls_write_goes_out_with_the_rest),
        cmocka_unit_test(test_an_answer_goes_out_with_what_it_leads_to),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("link_gather", tests, NULL, NULL);
}
