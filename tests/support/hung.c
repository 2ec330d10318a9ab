#include "tests/support/hung.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/fuse.h>

#include "core/base/mem.h"

enum { ROOT = FUSE_ROOT_ID, LATE = 2 };

struct hung {
    char *directory;
    pid_t server;
    int start; /* a byte that is written to it lets the server begin */
};

/* ------------------------------------------------------------- beginning */

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

/* Who is not root may still be it in a namespace of users. */
static bool become_root(void)
{
    char map[2][64];
    snprintf(map[0], sizeof map[0], "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    snprintf(map[1], sizeof map[1], "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", map[0]) &&
           write_file("/proc/self/gid_map", map[1]);
}

bool hung_begin(void)
{
    bool alone = geteuid() == 0 ? unshare(CLONE_NEWNS) == 0 : become_root();
    return alone && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* ---------------------------------------------------------------- serving */

static void reply(int fd, uint64_t unique, int error, const void *data, size_t len)
{
    char out[8192];
    struct fuse_out_header header = {
        .len = (uint32_t)(sizeof header + len), .error = error, .unique = unique};
    memcpy(out, &header, sizeof header);
    if (len > 0)
        memcpy(out + sizeof header, data, len);
    ssize_t written = write(fd, out, header.len);
    (void)written; /* who asked may have gone */
}

static struct fuse_attr attr_of(uint64_t node)
{
    return (struct fuse_attr){.ino = node,
                              .mode = S_IFDIR | 0755,
                              .nlink = 2,
                              .blksize = 4096,
                              .uid = (uint32_t)geteuid(),
                              .gid = (uint32_t)getegid()};
}

static size_t add_entry(char *out, size_t at, uint64_t node, const char *name)
{
    struct fuse_dirent entry = {
        .ino = node, .off = at + 1, .namelen = (uint32_t)strlen(name), .type = DT_DIR};
    size_t len = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + entry.namelen);
    memset(out + at, 0, len);
    memcpy(out + at, &entry, FUSE_NAME_OFFSET);
    memcpy(out + at + FUSE_NAME_OFFSET, name, entry.namelen);
    return at + len;
}

static void read_directory(int fd, const struct fuse_in_header *in, const struct fuse_read_in *read)
{
    char out[512];
    size_t len = 0;
    if (in->nodeid == ROOT && read->offset == 0)
        len = add_entry(out, len, LATE, "late");
    reply(fd, in->unique, 0, out, len);
}

static void look_up(int fd, const struct fuse_in_header *in, const char *name)
{
    struct fuse_entry_out out = {.nodeid = LATE, .attr = attr_of(LATE)};
    bool found = in->nodeid == ROOT && strcmp(name, "late") == 0;
    reply(fd, in->unique, found ? 0 : -ENOENT, &out, found ? sizeof out : 0);
}

static void answer(int fd, const struct fuse_in_header *in, const void *data)
{
    struct fuse_init_out init = {
        .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
    struct fuse_attr_out attr = {.attr = attr_of(in->nodeid)};
    struct fuse_open_out open_out = {.fh = in->nodeid};
    struct fuse_statfs_out space = {.st = {.blocks = 1 << 20,
                                           .bfree = 1 << 19,
                                           .bavail = 1 << 19,
                                           .bsize = 4096,
                                           .frsize = 4096,
                                           .namelen = 255}};
    switch (in->opcode) {
    case FUSE_INIT:
        reply(fd, in->unique, 0, &init, sizeof init);
        break;
    case FUSE_GETATTR:
        reply(fd, in->unique, 0, &attr, sizeof attr);
        break;
    case FUSE_LOOKUP:
        look_up(fd, in, data);
        break;
    case FUSE_OPENDIR:
        reply(fd, in->unique, 0, &open_out, sizeof open_out);
        break;
    case FUSE_READDIR:
        read_directory(fd, in, data);
        break;
    case FUSE_STATFS:
        reply(fd, in->unique, 0, &space, sizeof space);
        break;
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS:
        reply(fd, in->unique, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        reply(fd, in->unique, -ENOSYS, NULL, 0);
    }
}

/* Until that byte comes nobody reads what is asked. */
static _Noreturn void serve(int fd, int start)
{
    char byte, request[65536];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(start, &byte, 1) != 1)
        pause();
    for (;;) {
        ssize_t got = read(fd, request, sizeof request);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            _exit(0); /* unmounted */
        if (got >= (ssize_t)sizeof(struct fuse_in_header))
            answer(fd, (struct fuse_in_header *)request, request + sizeof(struct fuse_in_header));
    }
}

struct hung *hung_mount(const char *directory)
{
    int pipes[2], fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    char options[128];
    if (fd < 0)
        return NULL;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd,
             (unsigned)geteuid(), (unsigned)getegid());
    if (mount("hung", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0 ||
        pipe2(pipes, O_CLOEXEC) < 0) {
        close(fd);
        return NULL;
    }
    struct hung *hung = mem_zalloc(sizeof *hung);
    hung->directory = mem_strdup(directory);
    hung->start = pipes[1];
    hung->server = fork();
    if (hung->server == 0)
        serve(fd, pipes[0]);
    close(pipes[0]);
    close(fd); /* the server alone has it */
    return hung;
}

void hung_answer(struct hung *hung)
{
    ssize_t written = write(hung->start, "x", 1);
    (void)written;
    kill(hung->server, SIGCONT);
}

void hung_pause(struct hung *hung)
{
    kill(hung->server, SIGSTOP);
    waitpid(hung->server, NULL, WUNTRACED);
}

void hung_free(struct hung *hung)
{
    if (hung == NULL)
        return;
    umount2(hung->directory, MNT_DETACH);
    kill(hung->server, SIGKILL);
    waitpid(hung->server, NULL, 0);
    close(hung->start);
    free(hung->directory);
    free(hung);
}
