/* Stands before libc in a program that is attacked (LD_PRELOAD), and makes one
 * of its calls go wrong: the nth one of a kind, on what lies below one
 * directory. Calls of the libraries count, too. What the environment says:
 *
 *   FAULTS_PROGRAM   the program that is meant, by the last part of its path;
 *                    in any other one, such as its children, nothing happens
 *   FAULTS_BELOW     absolute path: only calls on what lies there count
 *   FAULTS_LOG       descriptor to which each counted call is written, a line
 *                    "KIND PATH" each; when one is to go wrong, only that one
 *   FAULTS_CALL      the kind that is counted, see kind_names
 *   FAULTS_NTH       which one of that kind, from 1 on
 *   FAULTS_HOW       kill-before, kill-after: the program ends by SIGKILL
 *                    ask: a byte goes to FAULTS_ASK, and all threads wait for
 *                    one from FAULTS_ANSWER before their next call; whoever
 *                    answers has changed something meanwhile. All calls are
 *                    written down
 *                    EIO, EACCES, ...: the call fails; EIO+: all later ones too
 *   FAULTS_NO_PAUSE  sleeping takes no time; the steady clock jumps instead */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

enum kind {
    /* these change something */
    CREATE, /* open for writing */
    MKDIR,
    RENAME,
    UNLINK,
    RMDIR,
    LINK,
    SYMLINK,
    WRITE,
    TRUNCATE,
    SYNC,
    CHMOD,
    CHOWN,
    UTIME,
    LOCK,
    /* these only look */
    OPEN,
    READ,
    READDIR,
    STAT,
    STATFS,
    READLINK,
    ACCESS,
    KINDS
};

static const char *const kind_names[KINDS] = {
    "create", "mkdir", "rename", "unlink", "rmdir", "link",    "symlink", "write",  "truncate", "sync", "chmod",
    "chown",  "utime", "lock",   "open",   "read",  "readdir", "stat",    "statfs", "readlink", "access",
};

static const struct error_name {
    const char *name;
    int code;
} error_names[] = {
    {"EIO", EIO},       {"EACCES", EACCES}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS},
    {"EMFILE", EMFILE}, {"ENOENT", ENOENT}, {"EDQUOT", EDQUOT}, {"EPERM", EPERM},
};

static struct {
    bool on, kill_before, kill_after, ask, for_ever, no_pause;
    int error;
    int log_fd, ask_fd, answer_fd;
    int kind; /* -1: none, calls are only written down */
    long nth;
    char below[PATH_MAX];
    size_t below_len;
} faults;

static atomic_long calls;
static atomic_llong slept_ns;

/* ------------------------------------------------------------ what is wanted */

static int number_of(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? atoi(text) : otherwise;
}

static bool is_meant(void)
{
    const char *program = getenv("FAULTS_PROGRAM");
    char name[256] = "";
    ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", name, sizeof name - 1);
    char *last = len > 0 ? strrchr(name, '/') : NULL;
    return program != NULL && last != NULL && strcmp(last + 1, program) == 0;
}

static void read_how(const char *how)
{
    faults.kill_before = strcmp(how, "kill-before") == 0;
    faults.kill_after = strcmp(how, "kill-after") == 0;
    faults.ask = strcmp(how, "ask") == 0;
    for (size_t i = 0; i < sizeof error_names / sizeof error_names[0]; i++) {
        size_t len = strlen(error_names[i].name);
        if (strncmp(how, error_names[i].name, len) == 0 && (how[len] == '\0' || how[len] == '+')) {
            faults.error = error_names[i].code;
            faults.for_ever = how[len] == '+';
        }
    }
}

/* Children get the environment without us: a shell has other calls. */
static void forget(void)
{
    static const char *const names[] = {"FAULTS_PROGRAM", "FAULTS_BELOW", "FAULTS_LOG",    "FAULTS_CALL", "FAULTS_NTH",
                                        "FAULTS_HOW",     "FAULTS_ASK",   "FAULTS_ANSWER", "LD_PRELOAD",  "FAULTS_NO_PAUSE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

__attribute__((constructor)) static void begin(void)
{
    const char *below = getenv("FAULTS_BELOW"), *call = getenv("FAULTS_CALL"), *how = getenv("FAULTS_HOW");
    if (!is_meant() || below == NULL)
        return;
    snprintf(faults.below, sizeof faults.below, "%s", below);
    faults.below_len = strlen(faults.below);
    faults.log_fd = number_of("FAULTS_LOG", -1);
    faults.ask_fd = number_of("FAULTS_ASK", -1);
    faults.answer_fd = number_of("FAULTS_ANSWER", -1);
    faults.nth = number_of("FAULTS_NTH", 0);
    faults.no_pause = getenv("FAULTS_NO_PAUSE") != NULL;
    faults.kind = -1;
    for (int i = 0; call != NULL && i < KINDS; i++)
        if (strcmp(call, kind_names[i]) == 0)
            faults.kind = i;
    if (how != NULL)
        read_how(how);
    forget();
    faults.on = true;
}

/* ------------------------------------------------------- whether a call counts */

static _Thread_local char path_met[PATH_MAX]; /* of the last call that counted */

static bool lies_below(const char *path)
{
    size_t len = strlen(path);
    if (len < faults.below_len || memcmp(path, faults.below, faults.below_len) != 0 ||
        (len > faults.below_len && path[faults.below_len] != '/'))
        return false;
    snprintf(path_met, sizeof path_met, "%s", path + faults.below_len);
    return true;
}

static bool read_link(const char *link, char path[PATH_MAX])
{
    ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* Sockets, pipes and the like have no path that begins with a slash. */
static bool fd_counts(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return read_link(link, path) && lies_below(path);
}

static bool name_counts(int dirfd, const char *name)
{
    char path[PATH_MAX];
    if (name == NULL)
        return false;
    if (name[0] == '/')
        return lies_below(name);
    bool counts = dirfd != AT_FDCWD ? fd_counts(dirfd)
                                    : read_link("/proc/self/cwd", path) && lies_below(path);
    size_t len = strlen(path_met);
    if (counts && name[0] != '\0')
        snprintf(path_met + len, sizeof path_met - len, "/%s", name);
    return counts;
}

/* ------------------------------------------------------------- what happens */

static void write_down(enum kind kind)
{
    char line[PATH_MAX + 32];
    int len = snprintf(line, sizeof line, "%s %s\n", kind_names[kind], path_met);
    if (faults.log_fd >= 0)
        syscall(SYS_write, faults.log_fd, line, (size_t)len);
}

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;)
        syscall(SYS_sched_yield);
}

static atomic_bool held; /* all threads are, from the question to its answer */

static void ask(void)
{
    char byte = '?';
    atomic_store(&held, true);
    syscall(SYS_write, faults.ask_fd, &byte, (size_t)1);
    while (syscall(SYS_read, faults.answer_fd, &byte, (size_t)1) < 0 && errno == EINTR) {
    }
    atomic_store(&held, false);
}

static void wait_while_held(void)
{
    while (atomic_load(&held))
        syscall(SYS_nanosleep, &(struct timespec){0, 200000}, NULL);
}

enum turn { GO_ON, FAIL, DIE_AFTER };

/* Before each call: may not come back. */
static enum turn take_turn(enum kind kind)
{
    wait_while_held();
    if (faults.kind < 0 || faults.ask)
        write_down(kind);
    if ((int)kind != faults.kind)
        return GO_ON;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (number != faults.nth && !(faults.for_ever && number > faults.nth))
        return GO_ON;
    if (number == faults.nth && !faults.ask)
        write_down(kind);
    if (faults.kill_before)
        die();
    if (faults.ask)
        ask();
    return faults.error != 0 ? FAIL : faults.kill_after ? DIE_AFTER : GO_ON;
}

/* WRAP(type of the result, the result of a failure, name, kind, condition,
 * parameters, arguments): `condition` says whether the call counts. */
#define WRAP(type, failure, name, kind, condition, parameters, arguments) \
    type name parameters \
    { \
        static type (*real) parameters; \
        enum turn turn = faults.on && (condition) ? take_turn(kind) : GO_ON; \
        if (turn == FAIL) { \
            errno = faults.error; \
            return failure; \
        } \
        if (real == NULL) \
            *(void **)&real = dlsym(RTLD_NEXT, #name); \
        type result = real arguments; \
        if (turn == DIE_AFTER) \
            die(); \
        return result; \
    }

/* ------------------------------------------------------------ opening and making */

static enum kind kind_of_open(int flags)
{
    return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_ACCMODE) != O_RDONLY ? CREATE : OPEN;
}

static mode_t mode_of(int flags, va_list more)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

static int open_any(int dirfd, const char *name, int flags, mode_t mode)
{
    enum kind kind = kind_of_open(flags);
    enum turn turn = faults.on && name_counts(dirfd, name) ? take_turn(kind) : GO_ON;
    if (turn == FAIL) {
        errno = faults.error;
        return -1;
    }
    int fd = (int)syscall(SYS_openat, dirfd, name, flags, mode);
    if (turn == DIE_AFTER)
        die();
    return fd;
}

#define WRAP_OPEN(name, parameters, dirfd) \
    int name parameters \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, more); \
        va_end(more); \
        return open_any(dirfd, path, flags, mode); \
    }

#ifndef O_LARGEFILE
#define O_LARGEFILE 0
#endif

WRAP_OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
WRAP_OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
WRAP_OPEN(openat, (int dirfd, const char *path, int flags, ...), dirfd)
WRAP_OPEN(openat64, (int dirfd, const char *path, int flags, ...), dirfd)

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

#define OPEN_OF_MODE(mode) ((mode)[0] == 'r' && strchr(mode, '+') == NULL ? OPEN : CREATE)

WRAP(FILE *, NULL, fopen, OPEN_OF_MODE(mode), name_counts(AT_FDCWD, path), (const char *path, const char *mode), (path, mode))
WRAP(FILE *, NULL, fopen64, OPEN_OF_MODE(mode), name_counts(AT_FDCWD, path), (const char *path, const char *mode), (path, mode))
WRAP(DIR *, NULL, opendir, OPEN, name_counts(AT_FDCWD, path), (const char *path), (path))
WRAP(int, -1, mkdir, MKDIR, name_counts(AT_FDCWD, path), (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, mkdirat, MKDIR, name_counts(dirfd, path), (int dirfd, const char *path, mode_t mode), (dirfd, path, mode))

/* --------------------------------------------------------------- names that change */

WRAP(int, -1, rename, RENAME, name_counts(AT_FDCWD, from) || name_counts(AT_FDCWD, to), (const char *from, const char *to), (from, to))
WRAP(int, -1, renameat, RENAME, name_counts(from_fd, from) || name_counts(to_fd, to),
     (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to))
WRAP(int, -1, renameat2, RENAME, name_counts(from_fd, from) || name_counts(to_fd, to),
     (int from_fd, const char *from, int to_fd, const char *to, unsigned flags), (from_fd, from, to_fd, to, flags))
WRAP(int, -1, unlink, UNLINK, name_counts(AT_FDCWD, path), (const char *path), (path))
WRAP(int, -1, unlinkat, (flags & AT_REMOVEDIR) != 0 ? RMDIR : UNLINK, name_counts(dirfd, path),
     (int dirfd, const char *path, int flags), (dirfd, path, flags))
WRAP(int, -1, rmdir, RMDIR, name_counts(AT_FDCWD, path), (const char *path), (path))
WRAP(int, -1, link, LINK, name_counts(AT_FDCWD, to), (const char *from, const char *to), (from, to))
WRAP(int, -1, linkat, LINK, name_counts(to_fd, to), (int from_fd, const char *from, int to_fd, const char *to, int flags),
     (from_fd, from, to_fd, to, flags))
WRAP(int, -1, symlink, SYMLINK, name_counts(AT_FDCWD, path), (const char *target, const char *path), (target, path))
WRAP(int, -1, symlinkat, SYMLINK, name_counts(dirfd, path), (const char *target, int dirfd, const char *path), (target, dirfd, path))

/* ------------------------------------------------------------- content and status */

struct iovec;
ssize_t writev(int fd, const struct iovec *parts, int len);
ssize_t readv(int fd, const struct iovec *parts, int len);

WRAP(ssize_t, -1, write, WRITE, fd_counts(fd), (int fd, const void *data, size_t len), (fd, data, len))
WRAP(ssize_t, -1, writev, WRITE, fd_counts(fd), (int fd, const struct iovec *parts, int len), (fd, parts, len))
WRAP(ssize_t, -1, pwrite, WRITE, fd_counts(fd), (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
WRAP(ssize_t, -1, pwrite64, WRITE, fd_counts(fd), (int fd, const void *data, size_t len, off64_t at), (fd, data, len, at))
WRAP(ssize_t, -1, copy_file_range, WRITE, fd_counts(to_fd),
     (int from_fd, off64_t *from, int to_fd, off64_t *to, size_t len, unsigned flags), (from_fd, from, to_fd, to, len, flags))
WRAP(int, -1, ftruncate, TRUNCATE, fd_counts(fd), (int fd, off_t len), (fd, len))
WRAP(int, -1, ftruncate64, TRUNCATE, fd_counts(fd), (int fd, off64_t len), (fd, len))
WRAP(int, -1, fallocate, TRUNCATE, fd_counts(fd), (int fd, int mode, off_t at, off_t len), (fd, mode, at, len))
WRAP(int, -1, fsync, SYNC, fd_counts(fd), (int fd), (fd))
WRAP(int, -1, fdatasync, SYNC, fd_counts(fd), (int fd), (fd))
WRAP(int, -1, fchmod, CHMOD, fd_counts(fd), (int fd, mode_t mode), (fd, mode))
WRAP(int, -1, chmod, CHMOD, name_counts(AT_FDCWD, path), (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, fchmodat, CHMOD, name_counts(dirfd, path), (int dirfd, const char *path, mode_t mode, int flags), (dirfd, path, mode, flags))
WRAP(int, -1, fchown, CHOWN, fd_counts(fd), (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, -1, chown, CHOWN, name_counts(AT_FDCWD, path), (const char *path, uid_t uid, gid_t gid), (path, uid, gid))
WRAP(int, -1, fchownat, CHOWN, name_counts(dirfd, path), (int dirfd, const char *path, uid_t uid, gid_t gid, int flags),
     (dirfd, path, uid, gid, flags))
WRAP(int, -1, utimensat, UTIME, name_counts(dirfd, path), (int dirfd, const char *path, const struct timespec times[2], int flags),
     (dirfd, path, times, flags))
WRAP(int, -1, futimens, UTIME, fd_counts(fd), (int fd, const struct timespec times[2]), (fd, times))
WRAP(int, -1, utime, UTIME, name_counts(AT_FDCWD, path), (const char *path, const struct utimbuf *times), (path, times))
WRAP(int, -1, flock, LOCK, fd_counts(fd), (int fd, int operation), (fd, operation))

/* ------------------------------------------------------------------- looking */

WRAP(ssize_t, -1, read, READ, fd_counts(fd), (int fd, void *data, size_t len), (fd, data, len))
WRAP(ssize_t, -1, readv, READ, fd_counts(fd), (int fd, const struct iovec *parts, int len), (fd, parts, len))
WRAP(ssize_t, -1, pread, READ, fd_counts(fd), (int fd, void *data, size_t len, off_t at), (fd, data, len, at))
WRAP(ssize_t, -1, pread64, READ, fd_counts(fd), (int fd, void *data, size_t len, off64_t at), (fd, data, len, at))
WRAP(ssize_t, -1, getdents64, READDIR, fd_counts(fd), (int fd, void *data, size_t len), (fd, data, len))
WRAP(struct dirent *, NULL, readdir, READDIR, fd_counts(dirfd(dir)), (DIR *dir), (dir))
WRAP(struct dirent64 *, NULL, readdir64, READDIR, fd_counts(dirfd(dir)), (DIR *dir), (dir))
WRAP(int, -1, stat, STAT, name_counts(AT_FDCWD, path), (const char *path, struct stat *st), (path, st))
WRAP(int, -1, stat64, STAT, name_counts(AT_FDCWD, path), (const char *path, struct stat64 *st), (path, st))
WRAP(int, -1, lstat, STAT, name_counts(AT_FDCWD, path), (const char *path, struct stat *st), (path, st))
WRAP(int, -1, lstat64, STAT, name_counts(AT_FDCWD, path), (const char *path, struct stat64 *st), (path, st))
WRAP(int, -1, fstat, STAT, fd_counts(fd), (int fd, struct stat *st), (fd, st))
WRAP(int, -1, fstat64, STAT, fd_counts(fd), (int fd, struct stat64 *st), (fd, st))
WRAP(int, -1, fstatat, STAT, name_counts(dirfd, path), (int dirfd, const char *path, struct stat *st, int flags), (dirfd, path, st, flags))
WRAP(int, -1, fstatat64, STAT, name_counts(dirfd, path), (int dirfd, const char *path, struct stat64 *st, int flags),
     (dirfd, path, st, flags))
WRAP(int, -1, statx, STAT, name_counts(dirfd, path), (int dirfd, const char *path, int flags, unsigned mask, struct statx *stx),
     (dirfd, path, flags, mask, stx))
WRAP(int, -1, statfs, STATFS, name_counts(AT_FDCWD, path), (const char *path, struct statfs *fs), (path, fs))
WRAP(int, -1, fstatfs, STATFS, fd_counts(fd), (int fd, struct statfs *fs), (fd, fs))
WRAP(int, -1, statvfs, STATFS, name_counts(AT_FDCWD, path), (const char *path, struct statvfs *fs), (path, fs))
WRAP(int, -1, fstatvfs, STATFS, fd_counts(fd), (int fd, struct statvfs *fs), (fd, fs))
WRAP(ssize_t, -1, readlink, READLINK, name_counts(AT_FDCWD, path), (const char *path, char *to, size_t len), (path, to, len))
WRAP(ssize_t, -1, readlinkat, READLINK, name_counts(dirfd, path), (int dirfd, const char *path, char *to, size_t len),
     (dirfd, path, to, len))
WRAP(char *, NULL, realpath, READLINK, name_counts(AT_FDCWD, path), (const char *path, char *to), (path, to))
WRAP(int, -1, access, ACCESS, name_counts(AT_FDCWD, path), (const char *path, int mode), (path, mode))
WRAP(int, -1, faccessat, ACCESS, name_counts(dirfd, path), (int dirfd, const char *path, int mode, int flags), (dirfd, path, mode, flags))

/* -------------------------------------------------------------------- pauses */

static void jump(long seconds, long nanoseconds)
{
    atomic_fetch_add(&slept_ns, (long long)seconds * 1000000000 + nanoseconds);
    syscall(SYS_sched_yield);
}

int nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    if (!faults.no_pause)
        return (int)syscall(SYS_nanosleep, time, ret_left);
    jump(time->tv_sec, time->tv_nsec);
    return 0;
}

int usleep(useconds_t microseconds)
{
    return nanosleep(&(struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000L}, NULL);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, ret_time);
    if (code == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)) {
        long long nanoseconds = ret_time->tv_nsec + atomic_load(&slept_ns);
        ret_time->tv_sec += (time_t)(nanoseconds / 1000000000);
        ret_time->tv_nsec = (long)(nanoseconds % 1000000000);
    }
    return code;
}
