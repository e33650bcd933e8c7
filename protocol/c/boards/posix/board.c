/* The camera as a program: over TCP on the loopback address, or behind a pty.
 *
 *   bwc_camera --tcp PORT | --pty   [--state DIR] [--defect NAME]
 *
 * Built with TLS (make build/bwc_camera_tls), it takes --tls ROOT.pem CHAIN.pem KEY.pem as well, and then only speaks
 * the secure session. It says its URI on standard output, and runs until it is killed. --state keeps settings and log. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../core/board.h"
#include "../../core/defects.h"
#include "../../core/device.h"
#include "../../core/protection.h"
#include "../../core/sha256.h"
#include "tls.h"

#define OUT_MAX 65536 /* bytes that wait for a pipe; beyond, frames are dropped, and sent again by the core */
#define BLOCK_MAX 512

static struct bwc_device device;
static struct pipe {
    int fd;
    size_t waiting;
    uint8_t out[OUT_MAX];
} pipes[BWC_PIPES];
static const char *state_directory;
static uint8_t firmware_sha256[32];

const struct bwc_identity bwc_board_identity = {
    .manufacturer = "bwc-sdk",
    .model = "Smallest",
    .serial = "SMALLEST-1",
    .hardware = "posix",
    .firmware = "1.0",
    .firmware_sha256 = firmware_sha256,
    .capabilities = BWC_CAPABILITY_LAB | BWC_CAPABILITY_SIMULATOR, /* a program: nothing on it is evidence */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* What the core asks for */

void bwc_board_send(unsigned number, const uint8_t *data, size_t size)
{
    struct pipe *pipe = &pipes[number];
    if (pipe->fd < 0 || pipe->waiting + size > OUT_MAX)
        return;
    memcpy(pipe->out + pipe->waiting, data, size);
    pipe->waiting += size;
}

void bwc_board_random(uint8_t *to, size_t size)
{
    if (getrandom(to, size, 0) != (ssize_t)size)
        die("getrandom");
}

static uint8_t memory[BWC_LOG_SLOTS + 1][BLOCK_MAX];
static size_t kept[BWC_LOG_SLOTS + 1];

bool bwc_board_load(unsigned block, void *to, size_t size)
{
    char path[4096];
    FILE *file;
    bool good;
    if (!state_directory) {
        memcpy(to, memory[block], size);
        return kept[block] == size;
    }
    snprintf(path, sizeof path, "%s/block-%u", state_directory, block);
    if (!(file = fopen(path, "rb")))
        return false;
    good = fread(to, 1, size, file) == size && fgetc(file) == EOF;
    fclose(file);
    return good;
}

bool bwc_board_store(unsigned block, const void *from, size_t size)
{
    char path[4096], temporary[4096 + 8];
    bool good;
    int fd;
    if (!state_directory) {
        memcpy(memory[block], from, kept[block] = size);
        return true;
    }
    snprintf(path, sizeof path, "%s/block-%u", state_directory, block);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    if ((fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0)
        return false;
    good = write(fd, from, size) == (ssize_t)size && fsync(fd) == 0;
    return close(fd) == 0 && good && rename(temporary, path) == 0;
}

void bwc_board_health(struct bwc_health *health)
{
    *health = (struct bwc_health){
        .charge_pct = 80, .charging = 1, .health_pct = 97, .voltage_mv = 4050, .cycles = 12, .temperature_dc = 245,
        .current_ma = 500, .time_left_s = UINT32_MAX, .ext_csd_rev = 8, .pre_eol = BWC_PRE_EOL_NORMAL,
        .life_time_a = 1, .life_time_b = 1, .written_bytes = 1 << 20, .capacity_bytes = 1 << 20,
        .free_bytes = (1 << 20) - (1 << 16), .docked = true,
    };
}

/* The loop */

static bwc_time now(void)
{
    static time_t begin;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    if (!begin)
        begin = time.tv_sec - 1;
    return (bwc_time)(time.tv_sec - begin) * 1000000 + (bwc_time)time.tv_nsec / 1000;
}

static void hang_up(unsigned number)
{
    close(pipes[number].fd);
    pipes[number].fd = -1;
    pipes[number].waiting = 0;
    bwc_pipe_lost(&device, number);
}

static void take_in(int listener)
{
    int fd = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0)
        return;
    for (unsigned i = 0; i < BWC_PIPES; i++)
        if (pipes[i].fd < 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            pipes[i].fd = fd;
            return;
        }
    close(fd); /* more hosts than pipes */
}

static void read_pipe(unsigned number)
{
    uint8_t data[4096];
    ssize_t got = read(pipes[number].fd, data, sizeof data);
    if (got > 0)
        bwc_receive(&device, number, data, (size_t)got, now());
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up(number);
}

static void write_pipe(unsigned number)
{
    struct pipe *pipe = &pipes[number];
    ssize_t put = write(pipe->fd, pipe->out, pipe->waiting);
    if (put > 0) {
        pipe->waiting -= (size_t)put;
        memmove(pipe->out, pipe->out + put, pipe->waiting);
    } else if (errno != EAGAIN && errno != EINTR) {
        hang_up(number);
    }
}

static void run(int listener)
{
    for (;;) {
        struct pollfd polled[BWC_PIPES + 1] = {{.fd = listener, .events = POLLIN}};
        bwc_time due = bwc_deadline(&device), at = now();
        bwc_time wait_us = due > at ? due - at : 0;
        struct timespec wait = {(time_t)(wait_us / 1000000), (long)(wait_us % 1000000) * 1000};
        for (unsigned i = 0; i < BWC_PIPES; i++)
            polled[i + 1] = (struct pollfd){
                .fd = pipes[i].fd, .events = (short)(POLLIN | (pipes[i].waiting ? POLLOUT : 0))};
        if (ppoll(polled, BWC_PIPES + 1, due == BWC_NEVER ? 0 : &wait, 0) < 0 && errno != EINTR)
            die("poll");
        if (polled[0].revents)
            take_in(listener);
        for (unsigned i = 0; i < BWC_PIPES; i++) {
            if (pipes[i].fd >= 0 && polled[i + 1].fd >= 0 && polled[i + 1].revents & (POLLIN | POLLHUP | POLLERR))
                read_pipe(i);
            if (pipes[i].fd >= 0 && pipes[i].waiting)
                write_pipe(i);
        }
        bwc_tick(&device, now());
        for (unsigned i = 0; i < BWC_PIPES; i++)
            if (pipes[i].fd >= 0 && pipes[i].waiting)
                write_pipe(i);
    }
}

/* Start */

static int listen_on(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; /* TRN-005 */
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 8)
        || getsockname(fd, (struct sockaddr *)&address, &size))
        die("tcp");
    printf("tcp:127.0.0.1:%u\n", ntohs(address.sin_port));
    return fd;
}

/* The other end stays open here, so that the pipe outlives its hosts, as a UART does. */
static void open_pty(void)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), other;
    struct termios raw;
    if (fd < 0 || grantpt(fd) || unlockpt(fd) || (other = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0
        || tcgetattr(other, &raw))
        die("pty");
    cfmakeraw(&raw);
    tcsetattr(other, TCSANOW, &raw);
    pipes[0].fd = fd;
    printf("serial:%s\n", ptsname(fd));
}

static void hash_firmware(void)
{
    static uint8_t piece[4096];
    struct bwc_sha256 hash;
    FILE *file = fopen("/proc/self/exe", "rb");
    size_t got;
    bwc_sha256_begin(&hash);
    while (file && (got = fread(piece, 1, sizeof piece, file)) > 0)
        bwc_sha256_add(&hash, piece, got);
    bwc_sha256_end(&hash, firmware_sha256);
    if (file)
        fclose(file);
}

#ifdef BWC_DEFECTS
enum bwc_defect bwc_defect;

static bool choose_defect(const char *name)
{
#define X(defect, rule, what)                                                                                          \
    if (!strcasecmp(name, #defect))                                                                                    \
        bwc_defect = BWC_DEFECT_##defect;                                                                              \
    if (!strcmp(name, "list"))                                                                                         \
        printf("%s %s %s\n", #defect, rule, what);
    BWC_ALL_DEFECTS(X)
#undef X
    return bwc_defect != BWC_SOUND;
}
#else
static bool choose_defect(const char *name) { return (void)name, false; }
#endif

int main(int count, char **words)
{
    long port = -1;
    bool pty = false, protected = !BWC_PROTECTION;
    int listener = -1;
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--pty"))
            pty = true;
        else if (!strcmp(words[i], "--tcp") && i + 1 < count)
            port = strtol(words[++i], 0, 10);
        else if (!strcmp(words[i], "--state") && i + 1 < count)
            state_directory = words[++i];
#ifdef BWC_TLS
        else if (!strcmp(words[i], "--tls") && i + 3 < count) {
            if (!bwc_tls_prepare(words[i + 1], words[i + 2], words[i + 3]))
                goto usage;
            protected = true;
            i += 3;
        }
#endif
        else if (strcmp(words[i], "--defect") || i + 1 == count || !choose_defect(words[++i]))
            goto usage;
    }
    if (pty == (port >= 0) || port > 65535 || !protected) {
    usage:
        fprintf(stderr, "usage: bwc_camera --tcp PORT | --pty   [--state DIR] [--defect NAME | --defect list]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    hash_firmware();
    for (unsigned i = 0; i < BWC_PIPES; i++)
        pipes[i].fd = -1;
    bwc_boot(&device, now());
    if (pty)
        open_pty();
    else
        listener = listen_on((unsigned)port);
    fflush(stdout);
    run(listener);
}
