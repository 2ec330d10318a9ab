#include "core/cache/busy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/cache/entries.h"
#include "core/cache/processes.h"
#include "core/oci/layout.h"

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

char *busy_opened_sign(int64_t opened_at, int64_t now)
{
    char age[TEXT_AGE_SIZE];
    return mem_printf("a build opened it %s ago and has exported nothing since",
                      age_text(age, opened_at, now));
}

/* ---- the signs of one directory */

/* An export writes index.json, and removes its lock a moment later. */
#define EXPORT_TAKES_NS (2 * CLOCK_SECOND)

int64_t busy_touched_at(int cache_fd)
{
    struct fs_stat stat;
    if (processes_all_seen() && fs_is_local(cache_fd))
        return 0;
    return fs_stat_fd(cache_fd, &stat, NULL) == 0 ? stat.modified_at : 0;
}

void busy_keep_time(int cache_fd, int64_t touched_at)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = touched_at / CLOCK_SECOND, .tv_nsec = touched_at % CLOCK_SECOND}};
    if (touched_at > 0)
        futimens(cache_fd, times);
}

bool busy_is_opened(int64_t touched_at, int64_t exported_at, int64_t now)
{
    return touched_at != 0 && touched_at - exported_at > EXPORT_TAKES_NS &&
           busy_is_fresh(touched_at, now);
}

/* The newest fresh time of the entries of a directory, and of one level below
 * when `deep`: raises *newest. Only those after `since` count. An error when an
 * entry can't be looked at. */
static int find_newest(int dirfd, bool deep, int64_t since, int64_t now, int64_t *newest);

static int look_at_entry(int dirfd, const char *name, bool deep, int64_t since, int64_t now,
                         int64_t *newest)
{
    struct fs_stat stat;
    int fd = -1, code = entry_stat(dirfd, name, &stat);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    int64_t at = stat.modified_at;
    if (at > since && at > *newest && busy_is_fresh(at, now))
        *newest = at;
    if (!deep || stat.type != FS_DIR)
        return 0;
    code = fs_open_dir(dirfd, name, &fd, NULL);
    if (code < 0) /* what is mounted there is no export's */
        return code == -ENOENT || code == -EXDEV ? 0 : code;
    code = find_newest(fd, false, since, now, newest);
    close(fd);
    return code;
}

static int find_newest(int dirfd, bool deep, int64_t since, int64_t now, int64_t *newest)
{
    struct entries_reader reader = ENTRIES_READER(dirfd);
    struct entries *entries = mem_alloc(sizeof *entries);
    struct entry entry;
    int code;
    while ((code = entries_read(&reader, entries)) > 0) {
        while (code >= 0 && entries_next(entries, &entry))
            code = look_at_entry(dirfd, entry.name, deep, since, now, newest);
        if (code < 0)
            break;
    }
    if (code < 0)
        entries_stop(&reader);
    free(entries);
    return code;
}

/* What is not there shows no sign; what can't be opened may. */
static int find_ingest(int cache_fd, int64_t now, int64_t *newest)
{
    int fd = -1, code = fs_open_dir(cache_fd, "ingest", &fd, NULL);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = find_newest(fd, true, 0, now, newest);
    close(fd);
    return code;
}

/* *ret_exported_at: of index.json, 0 when there is none. */
static int find_blob(int cache_fd, int64_t now, int64_t *ret_exported_at, int64_t *newest)
{
    struct fs_stat index = {0};
    int fd = -1, code = fs_look(cache_fd, "index.json", &index);
    if (code < 0 && code != -ENOENT)
        return code;
    *ret_exported_at = index.modified_at;
    code = cache_open_blobs(cache_fd, &fd, NULL);
    if (code < 0)
        return code == -ENOENT ? 0 : code;
    code = find_newest(fd, false, index.modified_at, now, newest);
    close(fd);
    return code;
}

char *busy_file_signs(int cache_fd, int64_t now)
{
    int64_t at = 0, exported_at = 0, touched_at = busy_touched_at(cache_fd);
    int code = find_ingest(cache_fd, now, &at);
    if (code < 0)
        return mem_printf("whether an export writes into ingest/ can't be told: %s",
                          err_reason(code));
    if (at != 0)
        return busy_ingest_sign(at, now);
    code = find_blob(cache_fd, now, &exported_at, &at);
    if (code < 0)
        return mem_printf("whether an export writes into blobs/ can't be told: %s",
                          err_reason(code));
    if (at != 0)
        return busy_blob_sign(at, now);
    return busy_is_opened(touched_at, exported_at, now) ? busy_opened_sign(touched_at, now) : NULL;
}
