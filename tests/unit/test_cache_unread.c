/* What can't be read is no damage, and not nothing: every single system call of a
 * scan, a verify, a repair and a restore fails once, one run for each, with each
 * error that a disk, a kernel or a mode may give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/cache/busy.h"
#include "core/cache/dedupe.h"
#include "core/cache/restore.h"
#include "core/cache/scan.h"
#include "core/cache/unlink.h"
#include "core/oci/blob_hash.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"
#include "tests/unit/cache_kit.h"
#include "tests/unit/care_kit.h"

/* Builds that run on this machine are none of these tests' business. */
char *busy_building_client(const pid_t *own_sessions)
{
    (void)own_sessions;
    return NULL;
}

/* ---- these stand before libc's */

enum { NO_FAULT, FAIL, CUT_SHORT };
static struct {
    int kind;
    int calls; /* so far */
    int at;    /* the one that fails */
    int code;
} fault;

/* True when this call is the one. */
static bool is_hit(void)
{
    return fault.kind != NO_FAULT && ++fault.calls == fault.at;
}

static bool fails(void)
{
    if (!is_hit() || fault.kind != FAIL)
        return false;
    errno = fault.code;
    return true;
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails() ? -1 : (int)syscall(SYS_openat, fd, path, flags, mode);
}

ssize_t read(int fd, void *data, size_t len)
{
    bool hit = is_hit();
    if (hit && fault.kind == FAIL) {
        errno = fault.code;
        return -1;
    }
    return syscall(SYS_read, fd, data, hit && len > 7 ? 7 : len);
}

int fstatat(int fd, const char *restrict path, struct stat *restrict st, int flags)
{
    return fails() ? -1 : (int)syscall(SYS_newfstatat, fd, path, st, flags);
}

int fstat(int fd, struct stat *st)
{
    return fails() ? -1 : (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);
}

int statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict stx)
{
    return fails() ? -1 : (int)syscall(SYS_statx, fd, path, flags, mask, stx);
}

ssize_t getdents64(int fd, void *data, size_t len)
{
    return fails() ? -1 : syscall(SYS_getdents64, fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    return fails() ? -1 : syscall(SYS_write, fd, data, len);
}

int fsync(int fd)
{
    (void)fd;
    return fails() ? -1 : 0;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return fails() ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int fchmod(int fd, mode_t mode)
{
    return fails() ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

static void arm(int kind, int at, int code)
{
    fault.kind = kind;
    fault.calls = 0;
    fault.at = at;
    fault.code = code;
}

/* How many calls there were. */
static int disarm(void)
{
    fault.kind = NO_FAULT;
    return fault.calls;
}

int nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)time;
    (void)rest;
    return 0; /* nobody else is at work here */
}

static const int codes[] = {EIO, EMFILE, EACCES, ENOSPC, EPERM, ENOMEM, ESTALE};

/* ---- a scan */

/* What must be the same when a scan says that it could read all. */
static bool is_same(const struct cache *a, const struct cache *b)
{
    bool same = a->state == b->state && a->size_bytes == b->size_bytes &&
                a->blobs_len == b->blobs_len && a->generations_len == b->generations_len &&
                a->problems_total == b->problems_total && a->live_unknown == b->live_unknown &&
                a->orphan_bytes == b->orphan_bytes && a->older_bytes == b->older_bytes &&
                a->leftovers_len == b->leftovers_len && a->unproven == b->unproven;
    for (size_t i = 0; same && i < a->generations_len; i++)
        same = a->generations[i].whole == b->generations[i].whole &&
               a->generations[i].cache == b->generations[i].cache &&
               a->generations[i].shrunken == b->generations[i].shrunken &&
               a->generations[i].blobs_len == b->generations[i].blobs_len;
    return same;
}

static size_t count_damage(const struct cache *cache)
{
    size_t count = 0;
    for (size_t i = 0; i < cache->problems_len; i++)
        count +=
            cache->problems[i].kind == PROBLEM_MISSING || cache->problems[i].kind == PROBLEM_SIZE;
    return count;
}

static void check_scan(const struct kit *kit, const struct cache *good, int at)
{
    struct cache *cache = kit_scan(kit, NULL);
    int calls = disarm();
    if (cache->state == CACHE_UNREADABLE) {
        assert_non_null(cache_untouchable(cache));
        assert_non_null(cache->error);
        assert_int_equal(0, cache_garbage_bytes(cache));
        assert_true(count_damage(cache) <= count_damage(good));
    } else if (good->state == CACHE_FOREIGN && cache->state == CACHE_FOREIGN) {
        assert_true(is_same(good, cache) || cache->error != NULL);
    } else if (!is_same(good, cache)) {
        fail_msg("call %d of %d: %s is %s: %s", at, calls, cache_state_name(good->state),
                 cache_state_name(cache->state), cache->error != NULL ? cache->error : "-");
    }
    /* The next scan knows nothing wrong from this one. */
    struct cache *again = kit_scan(kit, cache);
    if (!is_same(good, again))
        fail_msg("call %d: after it %s is %s", at, cache_state_name(good->state),
                 cache_state_name(again->state));
    cache_free(again);
    cache_free(cache);
}

static void scan_with_faults(const struct kit *kit)
{
    arm(FAIL, INT_MAX, 0);
    struct cache *good = kit_scan(kit, NULL);
    int calls = disarm();
    assert_true(calls > 5);
    for (int at = 1; at <= calls; at++) {
        for (size_t i = 0; i < LEN(codes); i++) {
            arm(FAIL, at, codes[i]);
            check_scan(kit, good, at);
        }
        arm(FAIL, at, EINTR); /* asks again, or fails as well */
        check_scan(kit, good, at);
        arm(CUT_SHORT, at, 0);
        check_scan(kit, good, at);
    }
    cache_free(good);
}

static void a_scan_never_takes_an_error_for_damage(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 5);
    kit_generation(kit, 110, 111, 1, 3); /* shrunken */
    kit_generation(kit, 120, 121, 4, 3);
    kit_layer(kit, 50, 5000); /* an orphan */
    kit_layer(kit, 51, 300);  /* that may be a manifest */
    kit_write(kit, "ingest/old/data", "half", 4);
    kit_set_age(kit, "ingest/old/data", 100000);
    kit_set_age(kit, "ingest/old", 100000);
    kit_index(kit, (unsigned[]){110, 120}, 2);
    scan_with_faults(kit);
}

static void nor_for_an_image_or_an_empty_directory(void **state)
{
    struct kit *kit = *state;
    scan_with_faults(kit); /* a layout without anything in it */
    kit_image(kit, 200, 201, 11, 3);
    kit_index(kit, (unsigned[]){200}, 1);
    scan_with_faults(kit);
    kit_generation(kit, 100, 101, 1, 3);
    kit_index(kit, (unsigned[]){100, 200}, 2);
    scan_with_faults(kit);
}

static void nor_in_what_is_no_layout(void **state)
{
    struct kit *kit = *state;
    dir_make(kit->root, "api");
    scan_with_faults(kit);
    file_write_text(kit->dir, "index.json", "{\"name\":\"a web project\"}");
    file_write_text(kit->dir, "blobs/x", "y");
    scan_with_faults(kit);
}

static void nor_in_a_broken_cache(void **state)
{
    struct kit *kit = *state;
    kit_generation(kit, 100, 101, 1, 3);
    scan_with_faults(kit); /* no index.json */
    kit_index(kit, (unsigned[]){100}, 1);
    kit_layer(kit, 2, 17);
    char *path = path_join(kit->dir, kit_blob_path(1));
    assert_int_equal(0, unlink(path));
    free(path);
    scan_with_faults(kit);
    kit_write(kit, "index.json", "{\"manif", 7);
    scan_with_faults(kit);
}

/* ---- verify, repair, restore */

/* Without the directories: files that came and went again changed their times. */
static char *picture(const char *dir)
{
    char *list = tree_list(dir), *out = list;
    for (char *line = list, *end; *line != '\0'; line = end) {
        end = strchr(line, '\n') + 1;
        if (memmem(line, (size_t)(end - line), " 40", 3) != NULL) /* S_IFDIR */
            continue;
        memmove(out, line, (size_t)(end - line));
        out += end - line;
    }
    *out = '\0';
    return list;
}

struct outcome {
    int code;
    int calls;
    bool ok; /* the verification, before */
    enum repair_act act;
    struct err err;
};

/* As bilge verify --repair does it. */
static struct outcome verify_and_repair(struct place *place)
{
    struct verify_result result;
    struct outcome outcome = {.act = REPAIR_NOTHING};
    const struct verify_spec spec = {
        .root_fd = place->root_fd, .root_path = place->root, .name = "api"};
    struct remove_context context = {
        .root_fd = place->root_fd, .root_path = place->root, .name = "api", .settle_ms = 1};
    struct stat st;
    char *detail = NULL, *dir = path_join(place->root, "api");
    assert_int_equal(0, lstat(dir, &st));
    context.dev = st.st_dev;
    context.ino = st.st_ino;
    fault.calls = 0;
    outcome.code = verify_cache(&spec, &result, &outcome.err);
    assert_int_equal(0, outcome.code);
    outcome.ok = result.ok;
    for (size_t i = 0; i < result.problems_len; i++)
        assert_true(result.problems[i].kind != PROBLEM_DIGEST || result.damaged_len > 0);
    outcome.code = repair_cache(&context, &result, &outcome.act, &detail, &outcome.err);
    outcome.calls = disarm();
    verify_done(&result);
    free(detail);
    free(dir);
    return outcome;
}

typedef void make_cb(struct place *place);

static void make_anew(struct place *place, make_cb *make)
{
    assert_int_equal(0, unlink_tree(place->root_fd, "api", NULL, &(int64_t){0}, NULL));
    make(place);
}

static void healthy(struct place *place)
{
    struct pair pair = put_pair(place, "api");
    free(pair.dir);
}

static void one_tag_damaged(struct place *place)
{
    struct pair pair = put_pair(place, "api");
    put_index(pair.dir,
              (const char *const[][2]){{"v1", pair.old}, {"latest", pair.live}, {NULL, NULL}},
              3600);
    overwrite(&pair, pair.second, "SECOND LAYER");
    free(pair.dir);
}

static void live_one_damaged(struct place *place)
{
    struct pair pair = put_pair(place, "api");
    take_away(&pair, pair.second);
    free(pair.dir);
}

static bool names_what_is_whole(struct place *place)
{
    struct cache *cache = scan_cache(place->root_fd, place->root, "api", NULL);
    bool found = false;
    for (size_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        found |= generation->live && generation->whole;
    }
    cache_free(cache);
    return found;
}

static void repair_with_faults(struct place *place, make_cb *make, enum repair_act wanted)
{
    make_anew(place, make);
    arm(FAIL, INT_MAX, 0);
    struct outcome good = verify_and_repair(place);
    assert_int_equal(0, good.code);
    assert_int_equal(wanted, good.act);
    for (int at = 1; at <= good.calls; at++) {
        make_anew(place, make);
        char *before = picture(place->root);
        arm(FAIL, at, codes[(size_t)at % LEN(codes)]);
        struct outcome outcome = verify_and_repair(place);
        char *after = picture(place->root);
        bool changed = strcmp(before, after) != 0;
        /* It repaired as it should, or left all alone and said so, or ended its
         * work on index.json and not that on a blob. */
        if (outcome.act == REPAIR_REMOVED || !file_exists(place->root, "api/oci-layout"))
            fail_msg("call %d of %d: removed", at, good.calls);
        if (outcome.code == 0 && outcome.act != wanted)
            fail_msg("call %d of %d: another act: %d", at, good.calls, (int)outcome.act);
        if (outcome.code < 0 && outcome.err.text[0] == '\0')
            fail_msg("call %d of %d: no reason", at, good.calls);
        if (wanted == REPAIR_NOTHING && changed)
            fail_msg("call %d of %d: something was changed", at, good.calls);
        if (changed && !names_what_is_whole(place))
            fail_msg("call %d of %d: index.json names nothing whole", at, good.calls);
        if (!changed && outcome.code == 0 && wanted != REPAIR_NOTHING)
            fail_msg("call %d of %d: nothing was done, and nothing said", at, good.calls);
        free(before);
        free(after);
    }
}

static void a_repair_leaves_a_healthy_cache_alone_whatever_fails(void **state)
{
    repair_with_faults(*state, healthy, REPAIR_NOTHING);
}

static void a_repair_keeps_the_tag_that_is_whole_whatever_fails(void **state)
{
    repair_with_faults(*state, one_tag_damaged, REPAIR_TRIMMED);
}

static void a_repair_goes_back_or_changes_nothing_whatever_fails(void **state)
{
    repair_with_faults(*state, live_one_damaged, REPAIR_RESTORED);
}

/* What can't be read is told as that, and as nothing else. */
static void verify_tells_what_it_could_not_read(void **state)
{
    struct place *place = *state;
    const struct verify_spec spec = {
        .root_fd = place->root_fd, .root_path = place->root, .name = "api"};
    struct verify_result result;
    make_anew(place, healthy);
    arm(FAIL, INT_MAX, 0);
    assert_int_equal(0, verify_cache(&spec, &result, NULL));
    int calls = disarm(), failed = 0;
    assert_true(result.ok);
    verify_done(&result);
    for (int at = 1; at <= calls; at++) {
        arm(FAIL, at, EIO);
        assert_int_equal(0, verify_cache(&spec, &result, NULL));
        disarm();
        failed += !result.ok;
        for (size_t i = 0; i < result.problems_len; i++)
            if (result.problems[i].kind != PROBLEM_UNREADABLE)
                fail_msg("call %d: %s: %s", at, problem_kind_name(result.problems[i].kind),
                         result.problems[i].detail);
        verify_done(&result);
    }
    assert_true(failed > calls / 2);
}

/* Call `at` fails; returns how many there were. */
static int restore_old(struct place *place, const struct pair *pair, int at, int code,
                       int *ret_code, struct err *err)
{
    const struct remove_context context = context_of(place, "api");
    struct digest old;
    assert_true(digest_parse_hex(pair->old, &old));
    arm(FAIL, at, code);
    *ret_code = restore_generation(&context, &old, "latest", err);
    return disarm();
}

static struct pair put_tags(struct place *place)
{
    static const char *const third[] = {"third layer", NULL};
    char other[HEX];
    assert_int_equal(0, unlink_tree(place->root_fd, "api", NULL, &(int64_t){0}, NULL));
    struct pair pair = put_pair(place, "api");
    put_generation(pair.dir, third, 3800, other);
    put_index(pair.dir,
              (const char *const[][2]){{"v1", other}, {"latest", pair.live}, {NULL, NULL}}, 3600);
    return pair;
}

static void a_restore_drops_no_tag_whatever_fails(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct pair pair = put_tags(place);
    int code, calls = restore_old(place, &pair, INT_MAX, 0, &code, &err);
    assert_int_equal(0, code);
    free(pair.dir);
    for (int at = 1; at <= calls; at++) {
        pair = put_tags(place);
        char *before = picture(place->root);
        restore_old(place, &pair, at, codes[(size_t)at % LEN(codes)], &code, &err);
        char *after = picture(place->root), *text = file_read(pair.dir, "index.json", NULL);
        assert_non_null(strstr(text, "\"v1\""));
        if (code < 0 && strcmp(before, after) != 0)
            fail_msg("call %d of %d: %s, but something was changed", at, calls, err.text);
        if (code == 0 && strstr(text, pair.old) == NULL)
            fail_msg("call %d of %d: nothing was done, and nothing said", at, calls);
        free(text);
        free(before);
        free(after);
        free(pair.dir);
    }
}

/* Links the first blob that both have, as call `at` fails. How many calls there were. */
static int link_first(struct place *place, int at, int *ret_code)
{
    static const char *const names[] = {"one", "two"};
    struct cache *caches[] = {scan_cache(place->root_fd, place->root, "one", NULL),
                              scan_cache(place->root_fd, place->root, "two", NULL)};
    struct dedupe_plan plan;
    dedupe_make((const struct cache *const *)caches, 2, &plan);
    assert_true(plan.len > 0);
    const struct dedupe_place from = {place->root_fd, names[plan.items[0].from]};
    const struct dedupe_place to = {place->root_fd, names[plan.items[0].to]};
    arm(FAIL, at, EIO);
    *ret_code = dedupe_link(&plan.items[0], &from, &to, false, false, NULL, NULL);
    int calls = disarm();
    dedupe_done(&plan);
    cache_free(caches[0]);
    cache_free(caches[1]);
    return calls;
}

/* An error of reading is no match. */
static void nothing_is_linked_that_could_not_be_read(void **state)
{
    struct place *place = *state;
    int refused = 0, calls = 1, code = -1;
    for (int at = 1; at <= calls + 1; at++) {
        static const char *const names[] = {"one", "two"};
        for (int i = 0; i < 2; i++) {
            assert_int_equal(0, unlink_tree(place->root_fd, names[i], NULL, &(int64_t){0}, NULL));
            free(put_pair(place, names[i]).dir);
        }
        char *before = picture(place->root);
        calls = link_first(place, at, &code);
        char *after = picture(place->root);
        if (code < 0)
            assert_string_equal(before, after);
        refused += code < 0;
        assert_true(is_ok(place, "one") && is_ok(place, "two"));
        free(before);
        free(after);
    }
    assert_int_equal(0, code); /* nothing failed the last time */
    assert_true(refused > 10);
}

int main(void)
{
    limit_program(300);
#define WITH(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, kit_setup_bare, kit_teardown)
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(a_scan_never_takes_an_error_for_damage),
        WITH(nor_for_an_image_or_an_empty_directory),
        BARE(nor_in_what_is_no_layout),
        WITH(nor_in_a_broken_cache),
        CASE(a_repair_leaves_a_healthy_cache_alone_whatever_fails),
        CASE(a_repair_keeps_the_tag_that_is_whole_whatever_fails),
        CASE(a_repair_goes_back_or_changes_nothing_whatever_fails),
        CASE(verify_tells_what_it_could_not_read),
        CASE(a_restore_drops_no_tag_whatever_fails),
        CASE(nothing_is_linked_that_could_not_be_read),
    };
    if (!blob_hash_available()) {
        puts("1..0 # SKIP built without libcrypto");
        return 0;
    }
    return cmocka_run_group_tests_name("cache_unread", tests, NULL, NULL);
}
