/* Removals and their recovery when a system call fails: each call in turn, once or
 * from then on. Whatever comes of it, the live export stays whole; what is said to
 * be gone is gone, 0 means that nothing is left, and the next recovery, which
 * works, leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/fs.h"
#include "core/cache/busy.h"
#include "core/cache/remove.h"
#include "core/cache/note.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/cache_kit.h"

/* Builds that run on this machine are none of these tests' business. */
char *busy_building_client(const pid_t *own_sessions)
{
    (void)own_sessions;
    return NULL;
}

/* ---- these stand before libc's */

static atomic_int calls_left; /* until the fault; 0: none is wanted */
static atomic_bool faulty;    /* it has come */
static bool lasting;          /* all later calls fail, too */
static int fault;             /* errno */

/* What failed first, for whoever looks for the reason. */
static char failed_call[64];

static void note_fault(const char *call, const char *name)
{
    snprintf(failed_call, sizeof failed_call, "%s %.40s", call, name);
    atomic_store(&faulty, true);
}

static bool fails(const char *call, const char *name)
{
    if (atomic_load(&calls_left) > 0 && atomic_fetch_sub(&calls_left, 1) == 1)
        note_fault(call, name);
    else if (!lasting || !atomic_load(&faulty))
        return false;
    errno = fault;
    return true;
}

static void set_fault(int after, int code, bool lasts)
{
    fault = code;
    lasting = lasts;
    atomic_store(&faulty, false);
    atomic_store(&calls_left, after);
}

/* True: it did come. */
static bool end_fault(void)
{
    atomic_store(&calls_left, 0);
    return atomic_exchange(&faulty, false);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails("openat", path) ? -1 : (int)syscall(SYS_openat, fd, path, flags, mode);
}

int statx(int fd, const char *restrict name, int flags, unsigned mask,
          struct statx *restrict ret_stat)
{
    return fails("statx", name) ? -1 : (int)syscall(SYS_statx, fd, name, flags, mask, ret_stat);
}

ssize_t getdents64(int fd, void *entries, size_t size)
{
    return fails("getdents64", "") ? -1 : syscall(SYS_getdents64, fd, entries, size);
}

ssize_t read(int fd, void *data, size_t size)
{
    return fails("read", "") ? -1 : syscall(SYS_read, fd, data, size);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return fails("write", "") ? -1 : syscall(SYS_write, fd, data, size);
}

int unlinkat(int fd, const char *path, int flags)
{
    return fails("unlinkat", path) ? -1 : (int)syscall(SYS_unlinkat, fd, path, flags);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return fails("renameat2", from) ? -1
                                    : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return renameat2(from_fd, from, to_fd, to, 0);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    return fails("mkdirat", path) ? -1 : (int)syscall(SYS_mkdirat, fd, path, mode);
}

int flock(int fd, int operation)
{
    return fails("flock", "") ? -1 : (int)syscall(SYS_flock, fd, operation);
}

/* ---- a cache with two older exports, an orphan and a leftover */

static const unsigned garbage[] = {100, 101, 1, 110, 111, 2, 50};

static void make(struct kit *kit)
{
    kit_new(kit, false);
    kit_generation(kit, 100, 101, 1, 3);
    kit_generation(kit, 110, 111, 2, 3);
    kit_generation(kit, 120, 121, 3, 3);
    kit_layer(kit, 50, 9000);
    kit_write(kit, "ingest/old/data", "half a layer", 12);
    kit_set_age(kit, "ingest/old/data", 100000);
    kit_set_age(kit, "ingest/old", 100000);
    kit_index(kit, (unsigned[]){120}, 1);
}

static int count_ours(void *arg, const char *name, enum fs_type type)
{
    (void)type;
    *(int *)arg += strncmp(name, ".bilge-", 7) == 0 || strstr(name, ".bilge-") != NULL;
    return 0;
}

/* How much of ours is left, in the root and in the cache. */
static int left_in(const struct kit *kit)
{
    int ours = 0, fd;
    fs_each(kit->root_fd, count_ours, &ours, NULL);
    if (fs_open_dir(kit->root_fd, kit->name, &fd, NULL) == 0) {
        fs_each(fd, count_ours, &ours, NULL);
        close(fd);
    }
    return ours;
}

static void assert_live_whole(const struct kit *kit)
{
    struct cache *cache = kit_scan(kit, NULL);
    assert_true(cache->generations_len > 0);
    assert_true(cache->generations[0].live && cache->generations[0].whole);
    assert_int_equal(0, cache->problems_total);
    cache_free(cache);
}

static void assert_next_recovery_works(const struct kit *kit)
{
    struct err err = {0};
    int code = kit_recover(kit, NULL, &err);
    if (code != 0)
        print_error("%s\n", err.text);
    assert_int_equal(0, code);
    assert_int_equal(0, left_in(kit));
}

/* Each is run for the nth call, and tells how it ended. */
typedef void operation(struct kit *kit, int nth, int code, bool lasts, bool *ret_came);

static void run_all(operation *run, int at_least)
{
    static const int codes[] = {EIO, EMFILE, EACCES, ENOSPC};
    for (size_t i = 0; i < LEN(codes); i++) {
        for (int lasts = 0; lasts < 2; lasts++) {
            bool came = true;
            int nth = 1;
            for (; came; nth++) {
                struct kit kit;
                make(&kit);
                run(&kit, nth, codes[i], lasts, &came);
                kit_free(&kit);
            }
            assert_true(nth > at_least);
        }
    }
}

/* ---- garbage */

static struct remove_context context_of(const struct kit *kit, const struct cache *cache)
{
    return (struct remove_context){.root_fd = kit->root_fd,
                                   .root_path = kit->root,
                                   .name = kit->name,
                                   .dev = cache->dev,
                                   .ino = cache->ino,
                                   .settle_ms = 0};
}

static size_t list_garbage(const struct cache *cache, struct remove_item *items)
{
    for (size_t i = 0; i < LEN(garbage); i++) {
        const struct cache_blob *blob = kit_find(cache, garbage[i]);
        items[i] = (struct remove_item){.kind = REMOVE_BLOB,
                                        .digest = blob->digest,
                                        .ino = blob->ino,
                                        .modified_at = blob->modified_at};
    }
    items[LEN(garbage)] = (struct remove_item){.kind = REMOVE_INGEST,
                                               .name = "old",
                                               .ino = cache->leftovers[0].ino,
                                               .modified_at = cache->leftovers[0].modified_at};
    return LEN(garbage) + 1;
}

static void remove_garbage(struct kit *kit, int nth, int fault_code, bool lasts, bool *ret_came)
{
    struct cache *cache = kit_scan(kit, NULL);
    struct remove_context context = context_of(kit, cache);
    struct remove_item items[LEN(garbage) + 1];
    struct err err = {0};
    size_t len = list_garbage(cache, items);
    set_fault(nth, fault_code, lasts);
    int code = remove_items(&context, items, len, &err);
    *ret_came = end_fault();
    assert_live_whole(kit);
    int left = left_in(kit);
    bool all = code == 0;
    for (size_t i = 0; i < len; i++) {
        const char *path = i < LEN(garbage) ? kit_blob_path(garbage[i]) : "ingest/old";
        if (items[i].code == 0 && kit_exists(kit, path))
            fail_msg("call %d, %s (%s): %s is said to be gone", nth, failed_call,
                     strerror(fault_code), path);
        if (items[i].code != 0 && left == 0 && !kit_exists(kit, path))
            fail_msg("call %d, %s (%s): %s is said to be there", nth, failed_call,
                     strerror(fault_code), path);
        all &= items[i].code == 0;
    }
    if (all && left > 0)
        fail_msg("call %d, %s (%s): all went well, and something is left", nth, failed_call,
                 strerror(fault_code));
    assert_next_recovery_works(kit);
    assert_live_whole(kit);
    cache_free(cache);
}

static void test_garbage(void **state)
{
    (void)state;
    run_all(remove_garbage, 60);
}

/* ---- a whole cache */

static void remove_whole(struct kit *kit, int nth, int fault_code, bool lasts, bool *ret_came)
{
    struct cache *cache = kit_scan(kit, NULL);
    struct remove_context context = context_of(kit, cache);
    struct err err = {0};
    int64_t freed;
    set_fault(nth, fault_code, lasts);
    int code = remove_service(&context, &freed, &err);
    *ret_came = end_fault();
    cache_free(cache);
    bool there = file_exists(kit->root, kit->name);
    if (code == 0 && (there || left_in(kit) > 0))
        fail_msg("call %d, %s (%s): it is said to be gone", nth, failed_call, strerror(fault_code));
    if (there)
        assert_live_whole(kit);
    assert_next_recovery_works(kit);
    if (there)
        assert_live_whole(kit);
}

static void test_whole(void **state)
{
    (void)state;
    run_all(remove_whole, 60);
}

/* ---- recovery: of what is set aside, a temporary file, and a whole removal */

static void set_aside(struct kit *kit, unsigned seed)
{
    char *from = path_join(kit->dir, kit_blob_path(seed));
    char *to = mem_printf("%s/.bilge-aside/%s", kit->dir, kit_digest(seed) + 7);
    assert_int_equal(0, rename(from, to));
    free(from);
    free(to);
}

static void begin_removal(struct kit *kit)
{
    char name[NOTE_NAME_SIZE], *path = path_join(kit->root, "old");
    struct stat st;
    int fd;
    file_write_text(kit->root, "old/oci-layout", "{}");
    file_write_text(kit->root, "old/blobs/sha256/x", "x");
    assert_int_equal(0, stat(path, &st));
    assert_int_equal(0, fs_open_dir(kit->root_fd, "old", &fd, NULL));
    kit_removed_name("old", st.st_ino, true, name);
    assert_int_equal(0, note_write(fd, "old", st.st_ino, NULL));
    assert_int_equal(0, renameat(kit->root_fd, "old", kit->root_fd, name));
    close(fd);
    free(path);
}

static void recover(struct kit *kit, int nth, int fault_code, bool lasts, bool *ret_came)
{
    struct err err = {0};
    dir_make(kit->dir, ".bilge-aside");
    set_aside(kit, 4); /* live */
    set_aside(kit, 50);
    set_aside(kit, 120); /* the live manifest */
    file_write_text(kit->dir, ".index.json.bilge-1", "{}");
    begin_removal(kit);
    set_fault(nth, fault_code, lasts);
    int code = kit_recover(kit, NULL, &err);
    *ret_came = end_fault();
    /* What can't be opened for want of the right to is another user's. */
    if (code == 0 && left_in(kit) > 0 && fault_code != EACCES)
        fail_msg("call %d, %s (%s): all went well, and something is left", nth, failed_call,
                 strerror(fault_code));
    if (code < 0 && !*ret_came)
        fail_msg("%s", err.text);
    assert_next_recovery_works(kit);
    assert_live_whole(kit);
}

static void test_recovery(void **state)
{
    (void)state;
    run_all(recover, 60);
}

/* ---- a look: a fault is told, and nothing is changed */

static void look(struct kit *kit, int nth, int fault_code, bool lasts, bool *ret_came)
{
    struct unfinished_list list = {0};
    dir_make(kit->dir, ".bilge-aside");
    set_aside(kit, 50);
    begin_removal(kit);
    set_fault(nth, fault_code, lasts);
    remove_unfinished(kit->root_fd, kit->root, NULL, &list);
    *ret_came = end_fault();
    size_t known = 0, unknown = 0;
    for (size_t i = 0; i < list.len; i++) {
        unknown += list.items[i].kind == UNFINISHED_UNKNOWN;
        known += list.items[i].kind == UNFINISHED_ASIDE || list.items[i].kind == UNFINISHED_REMOVAL;
    }
    if (known < 2 && unknown == 0 && fault_code != EACCES)
        fail_msg("call %d, %s (%s): something was overlooked", nth, failed_call,
                 strerror(fault_code));
    unfinished_done(&list);
    assert_int_equal(2, left_in(kit));
}

static void test_look(void **state)
{
    (void)state;
    run_all(look, 10);
}

int main(void)
{
    limit_program(300);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_look),
    };
    return cmocka_run_group_tests_name("cache_faults", tests, NULL, NULL);
}
