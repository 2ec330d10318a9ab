#include "core/cache/busy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/client.h"
#include "core/cache/entries.h"

bool busy_is_fresh(int64_t modified_at, int64_t now)
{
    int64_t age = now - modified_at;
    return age < BUSY_GRACE_SECONDS * CLOCK_SECOND && age > -BUSY_GRACE_SECONDS * CLOCK_SECOND;
}

static const char *age_text(char out[TEXT_AGE_SIZE], int64_t modified_at, int64_t now)
{
    int64_t seconds = (now - modified_at) / CLOCK_SECOND;
    return text_age(out, seconds > 0 ? seconds : 0);
}

char *busy_ingest_sign(int64_t modified_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("an export wrote into ingest/ %s ago", age_text(age, modified_at, now));
}

char *busy_blob_sign(int64_t modified_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("a blob came %s ago that index.json does not know yet",
                      age_text(age, modified_at, now));
}

/* ---- the signs of one directory */

/* The newest fresh time of the entries of a directory, and of one level below
 * when `deep`; 0: none. Only those after `since` count. */
static int64_t newest_fresh(int dirfd, bool deep, int64_t since, int64_t now)
{
    struct entries_reader reader = ENTRIES_READER(dirfd);
    struct entries *entries = mem_alloc(sizeof *entries);
    struct entry entry;
    int64_t newest = 0;
    while (entries_read(&reader, entries) > 0) {
        while (entries_next(entries, &entry)) {
            struct fs_stat stat;
            int fd;
            if (entry_stat(dirfd, entry.name, &stat) < 0)
                continue;
            int64_t at = stat.modified_at;
            if (at > since && at > newest && busy_is_fresh(at, now))
                newest = at;
            if (!deep || stat.type != FS_DIR || fs_open_dir(dirfd, entry.name, &fd, NULL) < 0)
                continue;
            at = newest_fresh(fd, false, since, now);
            newest = at > newest ? at : newest;
            close(fd);
        }
    }
    free(entries);
    return newest;
}

static int64_t newest_blob(int cache_fd, int64_t now)
{
    struct fs_stat index = {0};
    int64_t newest = 0;
    int blobs_fd, fd;
    fs_stat_at(cache_fd, "index.json", &index, NULL);
    if (fs_open_dir(cache_fd, "blobs", &blobs_fd, NULL) < 0)
        return 0;
    if (fs_open_dir(blobs_fd, "sha256", &fd, NULL) == 0) {
        newest = newest_fresh(fd, false, index.modified_at, now);
        close(fd);
    }
    close(blobs_fd);
    return newest;
}

char *busy_file_signs(int cache_fd, int64_t now)
{
    int fd;
    int64_t at = 0;
    if (fs_open_dir(cache_fd, "ingest", &fd, NULL) == 0) {
        at = newest_fresh(fd, true, 0, now);
        close(fd);
    }
    if (at != 0)
        return busy_ingest_sign(at, now);
    at = newest_blob(cache_fd, now);
    return at != 0 ? busy_blob_sign(at, now) : NULL;
}

/* ---- processes */

#define MAX_COMMAND_LINE 4096

static size_t read_command_line(int proc_fd, const char *pid, char *out, size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "%.16s/cmdline", pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, out, size - 1);
    close(fd);
    if (got <= 0)
        return 0;
    /* One that was cut still ends its last word. */
    if (out[got - 1] != '\0')
        out[got++] = '\0';
    return (size_t)got;
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
    size_t len = read_command_line(search->proc_fd, name, args, sizeof args);
    if (len == 0 || !client_builds(args, len) || is_own((pid_t)pid, search->own_sessions))
        return 0;
    char *text = client_text(args, len);
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
    if (fs_open_root(proc_path(), &search.proc_fd, NULL) < 0)
        return NULL;
    fs_each(search.proc_fd, look_at_process, &search, NULL);
    close(search.proc_fd);
    return search.found;
}
