#include "core/cache/busy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/client.h"

#define MAX_COMMAND_LINE 4096

/* Its length, 0: none that can be seen; or a negative errno code. */
static ssize_t read_command_line(int proc_fd, const char *pid, char *out, size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "%.16s/cmdline", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* a process ends, or is hidden from us; or we can't open anything */
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
    ssize_t got = read(fd, out, size - 1);
    close(fd);
    if (got <= 0)
        return 0;
    /* One that was cut still ends its last word. */
    if (out[got - 1] != '\0')
        out[got++] = '\0';
    return got;
}

static bool is_own(pid_t pid, const pid_t *own_sessions)
{
    pid_t session = own_sessions != NULL ? getsid(pid) : -1;
    for (; own_sessions != NULL && *own_sessions != 0; own_sessions++)
        if (session == *own_sessions)
            return true;
    return pid == getpid();
}

struct client_search {
    int proc_fd;
    const pid_t *own_sessions;
    char *found;
};

static int look_at_process(void *arg, const char *name, enum fs_type type)
{
    struct client_search *search = arg;
    char args[MAX_COMMAND_LINE];
    (void)type;
    long pid = strtol(name, NULL, 10);
    if (pid <= 0)
        return 0;
    ssize_t len = read_command_line(search->proc_fd, name, args, sizeof args);
    if (len < 0)
        return (int)len;
    if (len == 0 || !client_builds(args, (size_t)len) ||
        is_own((pid_t)pid, search->own_sessions))
        return 0;
    char *text = client_text(args, (size_t)len);
    search->found = mem_printf("%s (pid %ld)", text, pid);
    free(text);
    return 1;
}

/* BILGE_PROC stands in for /proc in tests: they must not see who else builds
 * on the machine that they run on. */
static const char *proc_path(void)
{
    const char *path = getenv("BILGE_PROC");
    return path != NULL ? path : "/proc";
}

char *busy_building_client(const pid_t *own_sessions)
{
    struct client_search search = {.own_sessions = own_sessions};
    int code = fs_open_root(proc_path(), &search.proc_fd, NULL);
    if (code == -ENOENT)
        return NULL;
    if (code == 0) {
        code = fs_each(search.proc_fd, look_at_process, &search, NULL);
        close(search.proc_fd);
    }
    if (code < 0)
        return mem_printf("whether a build runs can't be told: reading the list of processes: %s",
                          err_reason(code));
    return search.found;
}
