/* A real redis-server for tests; see the header. */
#include "redis_real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "redis/command.h"

static void die(const char *what)
{
    perror(what);
    abort();
}

bool redis_real_is_there(void)
{
    return system("redis-server --version >/dev/null 2>&1") == 0;
}

static struct sockaddr_in address_of(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A port that nobody listens on, below those that the kernel gives away. */
static uint16_t free_port(void)
{
    unsigned tries;

    for (tries = 0; tries < 1000; tries++) {
        uint16_t port = (uint16_t)(20000 + ((unsigned)getpid() * 7 + tries * 13) % 12000);
        struct sockaddr_in address = address_of(port);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

        close(fd);
        if (is_free) {
            return port;
        }
    }
    die("no free port");
    return 0;
}

static void hang_up(struct redis_real *real)
{
    if (real->fd >= 0) {
        close(real->fd);
        real->fd = -1;
    }
}

static bool client_connect(struct redis_real *real)
{
    struct sockaddr_in address = address_of(real->port);

    real->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(real->fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        return true;
    }
    hang_up(real);
    return false;
}

static void run_server(const struct redis_real *real)
{
    char port[8];
    int null = open("/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that crashed */
    snprintf(port, sizeof(port), "%u", (unsigned)real->port);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
           "--dir", real->folder, "--unixsocket", real->socket_path, "--enable-debug-command",
           "yes", (char *)NULL);
    _exit(127);
}

void redis_real_start(struct redis_real *real)
{
    uint64_t deadline = clock_monotonic_us() + 30 * CLOCK_US_PER_S;

    real->pid = fork();
    if (real->pid == 0) {
        run_server(real);
    }
    while (strcmp(redis_real_say(real, "PING"), "+PONG") != 0) {
        if (clock_monotonic_us() > deadline) {
            die("redis-server does not answer");
        }
        poll(NULL, 0, 2);
    }
}

void redis_real_init(struct redis_real *real)
{
    *real = (struct redis_real){.fd = -1, .folder = "/tmp/chunneld-redis-XXXXXX"};
    if (mkdtemp(real->folder) == NULL) {
        die("mkdtemp");
    }
    snprintf(real->socket_path, sizeof(real->socket_path), "%s/socket", real->folder);
    real->port = free_port();
    redis_real_start(real);
}

void redis_real_kill(struct redis_real *real)
{
    hang_up(real);
    if (real->pid > 0) {
        kill(real->pid, SIGKILL);
        waitpid(real->pid, NULL, 0);
        real->pid = 0;
    }
}

void redis_real_fini(struct redis_real *real)
{
    redis_real_kill(real);
    unlink(real->socket_path);
    rmdir(real->folder);
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t done = send(fd, data, len, MSG_NOSIGNAL);

        if (done <= 0) {
            return false;
        }
        data += done;
        len -= (size_t)done;
    }
    return true;
}

const char *redis_real_command(struct redis_real *real, const struct slice *args, size_t count)
{
    static char reply[4096];
    size_t room = redis_command_room(args, count);
    char *bytes = malloc(room);
    ssize_t got = 0;

    if (bytes == NULL) {
        die("redis client");
    }
    reply[0] = '\0';
    if ((real->fd >= 0 || client_connect(real)) &&
        send_all(real->fd, bytes, redis_command_write(args, count, bytes))) {
        got = recv(real->fd, reply, sizeof(reply) - 1, 0);
    }
    free(bytes);
    if (got <= 0) {
        hang_up(real);
        return "";
    }
    reply[got] = '\0';
    reply[strcspn(reply, "\r")] = '\0';
    return reply;
}

const char *redis_real_say(struct redis_real *real, const char *words)
{
    struct slice args[16];
    size_t count = 0;

    while (*words != '\0' && count < 16) {
        size_t len = strcspn(words, " ");

        args[count++] = slice_make(words, len);
        words += len;
        words += *words == ' ';
    }
    return redis_real_command(real, args, count);
}
