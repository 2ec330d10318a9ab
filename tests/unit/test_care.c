/* Verify, repair, restore and dedupe, on caches whose blobs are what their
 * names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/cache/dedupe.h"
#include "core/cache/restore.h"
#include "core/cache/scan.h"
#include "core/oci/blob_hash.h"
#include "core/oci/layout.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/unit/care_kit.h"

/* ------------------------------------------------------------------ verify */

static void a_whole_cache_verifies(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    struct verify_result result = verify(place, "api");
    assert_true(result.ok && result.hashed);
    int64_t expected = 0;
    for (size_t i = 0; i < result.cache->blobs_len; i++)
        if (result.cache->blobs[i].class == BLOB_LIVE)
            expected += result.cache->blobs[i].size_bytes;
    assert_true(expected > 0 && result.checked_bytes == expected);
    verify_done(&result);
    free(pair.dir);
}

static void each_damage_is_named(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *name;
        enum { TAKE_AWAY, SHORTEN, FLIP, SPOIL_INDEX } damage;
        enum problem_kind kind;
    } rows[] = {
        {"gone", TAKE_AWAY, PROBLEM_MISSING},
        {"short", SHORTEN, PROBLEM_SIZE},
        {"flipped", FLIP, PROBLEM_DIGEST},
        {"index", SPOIL_INDEX, PROBLEM_INDEX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair pair = put_pair(place, rows[i].name);
        if (rows[i].damage == TAKE_AWAY)
            take_away(&pair, pair.second);
        else if (rows[i].damage == SPOIL_INDEX)
            file_write_text(pair.dir, "index.json", "{\"schemaVersion\":2,\"manif");
        else
            overwrite(&pair, pair.second, rows[i].damage == FLIP ? "SECOND LAYER" : "second");
        struct verify_result result = verify(place, rows[i].name);
        assert_false(result.ok);
        bool found = false;
        for (size_t j = 0; j < result.problems_len; j++)
            found |= result.problems[j].kind == rows[i].kind;
        assert_true(found);
        verify_done(&result);
        free(pair.dir);
    }
}

static void what_is_no_cache_is_a_problem(void **state)
{
    struct place *place = *state;
    dir_make(place->root, "photos");
    file_write_text(place->root, "photos/cat.jpg", "miaow");
    assert_false(is_ok(place, "photos"));
    assert_false(is_ok(place, "nowhere"));
}

/* ------------------------------------------------------------------ repair */

static enum repair_act repair(struct place *place, const char *name)
{
    struct verify_result result = verify(place, name);
    const struct remove_context context = context_of(place, name);
    enum repair_act act;
    char *detail;
    struct err err;
    int code = repair_cache(&context, &result, &act, &detail, &err);
    if (code < 0)
        print_message("%s\n", err.text);
    assert_int_equal(0, code);
    assert_true(detail[0] != '\0');
    free(detail);
    verify_done(&result);
    return act;
}

static void a_repair_goes_back_to_what_is_whole(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    overwrite(&pair, pair.second, "SECOND LAYER");
    assert_int_equal(REPAIR_RESTORED, repair(place, "api"));
    assert_true(index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    assert_false(pair_has_blob(&pair, pair.second)); /* an exporter would take it for good */
    assert_true(is_ok(place, "api"));
    assert_int_equal(REPAIR_NOTHING, repair(place, "api"));
    free(pair.dir);
}

static void a_repair_keeps_the_tags_that_are_whole(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    put_index(pair.dir,
              (const char *const[][2]){{"v1", pair.old}, {"latest", pair.live}, {NULL, NULL}},
              3600);
    take_away(&pair, pair.second);
    assert_int_equal(REPAIR_TRIMMED, repair(place, "api"));
    assert_true(index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    assert_true(is_ok(place, "api"));
    free(pair.dir);
}

/* Repairs that must not be: all stays as it was. */
static void refuse_repair(struct place *place, const char *name, const char *words)
{
    struct verify_result result = verify(place, name);
    const struct remove_context context = context_of(place, name);
    enum repair_act act;
    char *detail;
    struct err err = {0};
    assert_false(result.ok);
    if (repair_cache(&context, &result, &act, &detail, &err) == 0)
        fail_msg("repaired: %s", detail);
    if (strstr(err.text, words) == NULL)
        fail_msg("%s", err.text);
    verify_done(&result);
}

static void write_index(const struct pair *pair, const char *text)
{
    file_write_text(pair->dir, "index.json", text);
    set_age(pair->dir, "index.json", 3600);
}

static void assert_index(const struct pair *pair, const char *wanted)
{
    char *text = file_read(pair->dir, "index.json", NULL);
    assert_string_equal(wanted, text);
    free(text);
}

/* %s is the live manifest's digest. Nothing of these may be lost, least of all what
 * only another reader sees. */
static const char *const not_understood[] = {
    "{\"schemaVersion\":2,\"manif",
    "",
    " \n",
    "[]",
    "{}",
    "\xef\xbb\xbf{\"manifests\":[{\"digest\":\"sha256:%s\"}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}\x1a",
    "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}{}",
    "{\"Manifests\":[{\"digest\":\"sha256:%s\"}]}",
    "{\"manifests\":[],\"Manifests\":[{\"digest\":\"sha256:%s\"}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\"}],\"manifests\":[]}",
    "{\"manifests\":[{\"Digest\":\"sha256:%s\"}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\",\"size\":1e99}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":{\"" LAYOUT_TAG "\":\"\\ud800\"}}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":{\"" LAYOUT_TAG "\":\"\xff\"}}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\",\"annotations\":{\"" LAYOUT_TAG "\":null}}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\"},{\"digest\":\"sha512:00\"}]}",
    "{\"manifests\":[{\"digest\":\"sha256:%s\"},null]}",
    "{\"manifests\":{\"digest\":\"sha256:%s\"}}",
    "{\"schemaVersion\":1,\"manifests\":[{\"digest\":\"sha256:%s\"}]}",
};

static char *with_digest(const char *text, const char hex[HEX])
{
    const char *hole = strstr(text, "%s");
    return hole == NULL ? mem_strdup(text)
                        : mem_printf("%.*s%s%s", (int)(hole - text), text, hex, hole + 2);
}

static void an_index_that_is_not_understood_is_left_alone(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < sizeof not_understood / sizeof not_understood[0]; i++) {
        char *name = mem_printf("api%zu", i);
        struct pair pair = put_pair(place, name);
        const struct remove_context context = context_of(place, name);
        struct digest old;
        struct err err = {0};
        char *text = with_digest(not_understood[i], pair.live);
        write_index(&pair, text);
        refuse_repair(place, name, "nothing was changed");
        assert_true(digest_parse_hex(pair.old, &old));
        assert_int_equal(ERR_FORMAT, restore_generation(&context, &old, NULL, &err));
        assert_non_null(strstr(err.text, "index.json"));
        assert_index(&pair, text);
        assert_true(pair_has_blob(&pair, pair.live) && pair_has_blob(&pair, pair.second));
        free(text);
        free(pair.dir);
        free(name);
    }
}

/* An exporter takes a missing one for none, too. */
static void a_missing_index_is_written_anew(void **state)
{
    struct place *place = *state;
    for (int by_repair = 0; by_repair < 2; by_repair++) {
        struct pair pair = put_pair(place, by_repair ? "repaired" : "restored");
        char *path = path_join(pair.dir, "index.json");
        struct digest live;
        assert_int_equal(0, unlink(path));
        assert_true(digest_parse_hex(pair.live, &live));
        if (by_repair) {
            assert_int_equal(REPAIR_RESTORED, repair(place, "repaired"));
        } else {
            const struct remove_context context = context_of(place, "restored");
            assert_int_equal(0, restore_generation(&context, &live, NULL, NULL));
        }
        assert_true(index_names(&pair, pair.live));
        assert_true(is_ok(place, by_repair ? "repaired" : "restored"));
        free(path);
        free(pair.dir);
    }
}

/* Then nothing tells that what is here is all that there ever was. */
static void a_repair_removes_nothing_without_an_index(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char base[HEX];
    char *path = path_join(pair.dir, "index.json");
    put_blob(pair.dir, "base layer", 7200, base);
    take_away(&pair, base);
    assert_int_equal(0, unlink(path));
    refuse_repair(place, "api", "no export in it is whole");
    assert_true(pair_has_blob(&pair, pair.live));
    free(path);
    free(pair.dir);
}

/* A manifest that is sound but of a form that only others understand. */
static void a_repair_leaves_a_manifest_alone_that_it_does_not_understand(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char config[HEX], other[HEX];
    put_blob(pair.dir, "{\"layers\":[],\"other\":1}", 3700, config);
    char *text =
        mem_printf("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
                   "vnd.buildkit.cacheconfig.v0\","
                   "\"digest\":\"sha256:%s\",\"size\":23},\"layers\":[{\"digest\":\"sha512:00\"}]}",
                   config);
    put_blob(pair.dir, text, 3700, other);
    put_index(pair.dir,
              (const char *const[][2]){{"v1", other}, {"latest", pair.live}, {NULL, NULL}}, 3600);
    overwrite(&pair, pair.second, "SECOND LAYER");
    refuse_repair(place, "api", "not understood");
    assert_true(index_names(&pair, other) && index_names(&pair, pair.live));
    assert_true(pair_has_blob(&pair, pair.second));
    free(text);
    free(pair.dir);
}

/* One that is not what its name says is damaged, whatever it looks like. */
static void a_damaged_manifest_gives_way_to_what_is_whole(void **state)
{
    struct place *place = *state;
    for (int tags = 1; tags <= 2; tags++) {
        char *name = mem_printf("api%d", tags);
        struct pair pair = put_pair(place, name);
        if (tags == 2)
            put_index(
                pair.dir,
                (const char *const[][2]){{"v1", pair.old}, {"latest", pair.live}, {NULL, NULL}},
                3600);
        overwrite(&pair, pair.live, "{\"schemaVersion\":2,\"lay");
        assert_int_equal(tags == 2 ? REPAIR_TRIMMED : REPAIR_RESTORED, repair(place, name));
        assert_true(index_names(&pair, pair.old));
        assert_false(index_names(&pair, pair.live));
        assert_false(pair_has_blob(&pair, pair.live));
        assert_true(is_ok(place, name));
        free(pair.dir);
        free(name);
    }
}

/* What a manifest says wrongly of a blob does not make the blob wrong. */
static void a_blob_is_damaged_by_its_content_alone(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char config[HEX], liar[HEX];
    put_blob(pair.dir, "{\"layers\":[],\"other\":1}", 3700, config);
    char *text = mem_printf(
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
        "vnd.buildkit.cacheconfig.v0\","
        "\"digest\":\"sha256:%s\",\"size\":23},\"layers\":[{\"digest\":\"sha256:%s\",\"size\":1}]}",
        config, pair.second);
    put_blob(pair.dir, text, 3700, liar);
    put_index(pair.dir, (const char *const[][2]){{"v1", liar}, {"latest", pair.live}, {NULL, NULL}},
              3600);
    assert_int_equal(REPAIR_TRIMMED, repair(place, "api"));
    assert_true(index_names(&pair, pair.live));
    assert_false(index_names(&pair, liar));
    assert_true(pair_has_blob(&pair, pair.second));
    assert_true(is_ok(place, "api"));
    free(text);
    free(pair.dir);
}

static void a_cache_with_nothing_whole_goes(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char base[HEX];
    put_blob(pair.dir, "base layer", 7200, base);
    take_away(&pair, base);
    assert_int_equal(REPAIR_REMOVED, repair(place, "api"));
    assert_false(file_exists(place->root, "api"));
    free(pair.dir);
}

/* Whatever lies in it that is no part of a cache is somebody's. */
static void a_cache_with_something_foreign_in_it_stays(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char base[HEX];
    put_blob(pair.dir, "base layer", 7200, base);
    take_away(&pair, base);
    for (size_t i = 0; i < 2; i++) {
        char *name = i == 0 ? mem_printf("blobs/sha256/%s", base) : mem_strdup("blobs/notes");
        char *fifo = path_join(pair.dir, name);
        assert_int_equal(0, mkfifo(fifo, 0600));
        refuse_repair(place, "api", "is no part of a cache");
        assert_true(file_exists(pair.dir, name));
        assert_true(pair_has_blob(&pair, pair.live));
        assert_int_equal(0, unlink(fifo));
        free(name);
        free(fifo);
    }
    free(pair.dir);
}

static void a_repair_leaves_a_busy_cache_alone(void **state)
{
    struct place *place = *state;
    for (int whole = 0; whole < 3; whole++) { /* what would be removed, restored, trimmed */
        char *name = mem_printf("api%d", whole);
        struct pair pair = put_pair(place, name);
        char base[HEX];
        put_blob(pair.dir, "base layer", 7200, base);
        take_away(&pair, whole == 0 ? base : pair.second);
        if (whole == 2)
            put_index(
                pair.dir,
                (const char *const[][2]){{"v1", pair.old}, {"latest", pair.live}, {NULL, NULL}},
                3600);
        file_write_text(pair.dir, "ingest/writing/data", "half");
        refuse_repair(place, name, "ingest/");
        assert_true(index_names(&pair, pair.live));
        assert_true(pair_has_blob(&pair, pair.live));
        free(pair.dir);
        free(name);
    }
}

/* ----------------------------------------------------------------- restore */

static int restore(struct place *place, const char *name, const char hex[HEX], struct err *err)
{
    const struct remove_context context = context_of(place, name);
    struct digest digest;
    assert_true(digest_parse_hex(hex, &digest));
    return restore_generation(&context, &digest, NULL, err);
}

static void a_restore_names_the_earlier_generation(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char *path = path_join(pair.dir, "index.json");
    struct stat before, after;
    assert_int_equal(0, chmod(path, 0640));
    assert_int_equal(0, stat(path, &before));
    struct cache *cache = scan_cache(place->root_fd, place->root, "api", NULL);
    uint32_t chosen = restore_choose(cache);
    char hex[HEX];
    assert_string_equal(pair.old, digest_hex(hex, &cache->generations[chosen].manifest));
    cache_free(cache);
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    assert_true(index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    assert_true(is_ok(place, "api"));
    assert_int_equal(0, stat(path, &after));
    assert_int_equal(before.st_mode, after.st_mode);
    assert_false(file_exists(pair.dir, "index.json.lock"));
    free(path);
    free(pair.dir);
}

static void a_restore_leaves_other_tags_alone(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    static const char *const third[] = {"third layer", NULL};
    char other[HEX];
    put_generation(pair.dir, third, 3800, other);
    put_index(pair.dir,
              (const char *const[][2]){{"v1", other}, {"latest", pair.live}, {NULL, NULL}}, 3600);
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    assert_true(index_names(&pair, other) && index_names(&pair, pair.old));
    assert_false(index_names(&pair, pair.live));
    free(pair.dir);
}

static void a_restore_refuses_what_would_fail_a_build(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char first[HEX];
    struct err err;
    put_blob(pair.dir, "first layer", 7200, first);
    assert_int_equal(ERR_USAGE, restore(place, "api", first, &err));
    overwrite(&pair, first, "FIRST LAYER");
    assert_int_equal(ERR_FORMAT, restore(place, "api", pair.old, &err));
    take_away(&pair, first);
    assert_int_equal(ERR_FORMAT, restore(place, "api", pair.old, &err));
    assert_true(index_names(&pair, pair.live));
    dir_make(pair.dir, "ingest");
    dir_make(pair.dir, "ingest/writing");
    file_write_text(pair.dir, "ingest/writing/data", "half");
    assert_int_equal(ERR_BUSY, restore(place, "api", pair.live, &err));
    struct remove_context context = context_of(place, "api");
    struct digest digest;
    assert_true(digest_parse_hex(pair.live, &digest));
    context.ino++;
    assert_int_equal(ERR_CHANGED, restore_generation(&context, &digest, NULL, &err));
    free(pair.dir);
}

/* Chosen when another export was live: that one would be thrown away unseen. */
static void a_restore_hides_no_export_that_was_not_shown(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    struct cache *shown = scan_cache(place->root_fd, place->root, "api", NULL);
    struct remove_context context = context_of(place, "api");
    struct digest digest;
    struct err err = {0};
    assert_true(digest_parse_hex(pair.old, &digest));
    context.exported_at = &shown->last_export_at;
    put_index(pair.dir, (const char *const[][2]){{"latest", pair.live}, {NULL, NULL}}, 1800);
    assert_int_equal(ERR_CHANGED, restore_generation(&context, &digest, NULL, &err));
    assert_non_null(strstr(err.text, "a build has just exported to it"));
    assert_true(index_names(&pair, pair.live));
    cache_free(shown);
    shown = scan_cache(place->root_fd, place->root, "api", NULL);
    context.exported_at = &shown->last_export_at;
    assert_int_equal(0, restore_generation(&context, &digest, NULL, NULL));
    assert_true(index_names(&pair, pair.old));
    cache_free(shown);
    free(pair.dir);
}

/* All that is not the entry that gives way: byte for byte, in its place. */
static void a_restore_keeps_the_other_entries_byte_for_byte(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    static const char *const third[] = {"third layer", NULL};
    char other[HEX];
    struct stat stat_;
    put_generation(pair.dir, third, 3800, other);
    char *name = blob_path(pair.old), *path = path_join(pair.dir, name);
    assert_int_equal(0, stat(path, &stat_));
    char *first = mem_printf(
        "\n    {\"platform\": {\"os\":\"linux\"}, \"size\": 7,\n     \"digest\":\"sha256:%s\",\t"
        "\"future\":[1e999,\"\\ud800\"], \"annotations\":{\"" LAYOUT_TAG
        "\":\"a \\\"b\\\" \\u00e9\"}}",
        other);
    char *last = mem_printf("\n {\"digest\":\"sha256:%s\"}", other);
    char *before =
        mem_printf("{ \"future\" : {\"x\": 1.50},\n  \"manifests\" : [%s ,\n{\"digest\":"
                   "\"sha256:%s\",\"annotations\":{\"" LAYOUT_TAG "\":\"latest\"}} ,%s\n  ]"
                   ",\"schemaVersion\":2, \"annotations\":{\"k\":\"v\"} }\n",
                   first, pair.live, last);
    char *after = mem_printf("{ \"future\" : {\"x\": 1.50},\n  \"manifests\" : [%s,%s,"
                             "{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha256:%s\","
                             "\"size\":%ld,\"annotations\":{\"" LAYOUT_TAG "\":\"latest\"}}\n  ]"
                             ",\"schemaVersion\":2, \"annotations\":{\"k\":\"v\"} }\n",
                             first, last, pair.old, (long)stat_.st_size);
    write_index(&pair, before);
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    assert_index(&pair, after);
    char *texts[] = {name, path, first, last, before, after, pair.dir};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

/* Whatever is in it, it comes back as it was. */
static void a_tag_is_written_as_it_was_read(void **state)
{
    static const char *const tags[] = {
        "v1",
        "a \\\"quoted\\\" one",
        "back\\\\slash",
        "tab\\tnew\\nline\\u0001",
        "\u00fc\\u00fc \\ud83d\\ude00",
        "",
    };
    struct place *place = *state;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        char *name = mem_printf("api%zu", i);
        struct pair pair = put_pair(place, name);
        struct manifest before, after;
        int fd;
        put_index(pair.dir, (const char *const[][2]){{tags[i], pair.live}, {NULL, NULL}}, 3600);
        assert_int_equal(0, fs_open_dir(place->root_fd, name, &fd, NULL));
        assert_int_equal(0, index_read(fd, NULL, &before, NULL));
        assert_int_equal(0, restore(place, name, pair.old, NULL));
        assert_int_equal(0, index_read(fd, NULL, &after, NULL));
        assert_int_equal(1, after.len);
        assert_null(after.odd);
        assert_string_equal(before.descriptors[0].tag, after.descriptors[0].tag);
        manifest_done(&before);
        manifest_done(&after);
        close(fd);
        free(pair.dir);
        free(name);
    }
}

/* Two tags of one manifest are no tag "v1, v2". */
static void a_restore_invents_no_tag(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    put_index(pair.dir,
              (const char *const[][2]){{"v1", pair.live}, {"v2", pair.live}, {NULL, NULL}}, 3600);
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    char *text = file_read(pair.dir, "index.json", NULL);
    assert_non_null(strstr(text, ":\"latest\""));
    assert_null(strstr(text, "v1, v2"));
    assert_true(index_names(&pair, pair.live) && index_names(&pair, pair.old));
    free(text);
    free(pair.dir);
}

static void a_new_index_keeps_owner_and_mode(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char *path = path_join(pair.dir, "index.json");
    struct stat before, after;
    assert_int_equal(0, chmod(path, 0600));
    if (geteuid() == 0)
        assert_int_equal(0, chown(path, 12345, 23456));
    assert_int_equal(0, stat(path, &before));
    assert_int_equal(0, restore(place, "api", pair.old, NULL));
    assert_int_equal(0, stat(path, &after));
    assert_int_equal(before.st_mode, after.st_mode);
    assert_int_equal(before.st_uid, after.st_uid);
    assert_int_equal(before.st_gid, after.st_gid);
    free(path);
    free(pair.dir);
}

/* -------------------------------------------- what happens in the meantime */

/* Runs when the new index.json lies ready on the disk, right before the last look:
 * this stands before libc's. */
static void (*meanwhile)(const struct pair *pair);
static const struct pair *meanwhile_pair;

int fsync(int fd)
{
    void (*step)(const struct pair *) = meanwhile;
    meanwhile = NULL;
    if (step != NULL)
        step(meanwhile_pair);
    (void)fd;
    return 0;
}

/* Runs once, right before a whole cache is renamed aside. */
static void (*before_rename)(const struct pair *pair);

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    void (*step)(const struct pair *) = before_rename;
    if (step != NULL && strncmp(to, CACHE_AWAY, strlen(CACHE_AWAY)) == 0) {
        before_rename = NULL;
        step(meanwhile_pair);
    }
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

/* As BuildKit writes it: in place. */
static void export_ends(const struct pair *pair)
{
    char *path = path_join(pair->dir, "index.json");
    int fd = open(path, O_WRONLY | O_TRUNC);
    dprintf(fd, "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:%s\"}]}", pair->live);
    close(fd);
    free(path);
}

/* The same bytes, which another export has written. */
static void export_writes_the_same(const struct pair *pair)
{
    set_age(pair->dir, "index.json", 3000);
}

static void index_is_replaced(const struct pair *pair)
{
    char *text = file_read(pair->dir, "index.json", NULL);
    char *from = path_join(pair->dir, "new"), *to = path_join(pair->dir, "index.json");
    file_write_text(pair->dir, "new", text);
    set_age(pair->dir, "new", 3600);
    assert_int_equal(0, rename(from, to));
    free(text);
    free(from);
    free(to);
}

static void index_goes(const struct pair *pair)
{
    char *path = path_join(pair->dir, "index.json");
    assert_int_equal(0, unlink(path));
    free(path);
}

static void index_is_cut(const struct pair *pair)
{
    file_write_text(pair->dir, "index.json", "{\"schemaVersion\":2,\"mani");
}

static void export_begins(const struct pair *pair)
{
    file_write_text(pair->dir, "ingest/writing/data", "half");
}

static void blob_comes(const struct pair *pair)
{
    char hex[HEX];
    put_blob(pair->dir, "a layer of the next export", 1, hex);
}

static void blob_goes(const struct pair *pair)
{
    take_away(pair, pair->old);
}

static void blob_is_rewritten(const struct pair *pair)
{
    overwrite(pair, pair->old, "half a manifest");
}

static void directory_is_replaced(const struct pair *pair)
{
    char *aside = mem_printf("%s.old", pair->dir);
    assert_int_equal(0, rename(pair->dir, aside));
    assert_int_equal(0, mkdir(pair->dir, 0755));
    file_write_text(pair->dir, "index.json", "theirs");
    free(aside);
}

static void directory_goes(const struct pair *pair)
{
    char *aside = mem_printf("%s.old", pair->dir);
    assert_int_equal(0, rename(pair->dir, aside));
    free(aside);
}

static const struct {
    void (*step)(const struct pair *pair);
    int code;
} meantimes[] = {
    {export_ends, ERR_CHANGED},       {export_writes_the_same, ERR_CHANGED},
    {index_is_replaced, ERR_CHANGED}, {index_goes, ERR_CHANGED},
    {index_is_cut, ERR_CHANGED},      {export_begins, ERR_BUSY},
    {blob_comes, ERR_BUSY},           {blob_goes, ERR_CHANGED},
    {blob_is_rewritten, ERR_CHANGED}, {directory_is_replaced, ERR_CHANGED},
    {directory_goes, ERR_CHANGED},
};

enum act { RESTORE, REPAIR_TO_OLD, REPAIR_TO_ONE_TAG };

static int act_meanwhile(struct place *place, const char *name, const struct pair *pair,
                         enum act act, struct err *err)
{
    const struct remove_context context = context_of(place, name);
    struct digest old;
    enum repair_act done;
    char *detail = NULL;
    if (act == RESTORE) {
        assert_true(digest_parse_hex(pair->old, &old));
        return restore_generation(&context, &old, NULL, err);
    }
    struct verify_result result = verify(place, name);
    int code = repair_cache(&context, &result, &done, &detail, err);
    verify_done(&result);
    free(detail);
    return code;
}

static char *text_of(const struct pair *pair)
{
    return file_exists(pair->dir, "index.json") ? file_read(pair->dir, "index.json", NULL)
                                                : mem_strdup("none");
}

static char *seen_meanwhile;
static void (*step_meanwhile)(const struct pair *pair);

static void note_index(const struct pair *pair)
{
    step_meanwhile(pair);
    seen_meanwhile = text_of(pair);
}

static void what_came_meanwhile_is_never_written_over(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < 3 * sizeof meantimes / sizeof meantimes[0]; i++) {
        enum act act = i % 3;
        char *name = mem_printf("api%zu", i);
        struct pair pair = put_pair(place, name);
        struct err err = {0};
        if (act == REPAIR_TO_ONE_TAG)
            put_index(
                pair.dir,
                (const char *const[][2]){{"v1", pair.old}, {"latest", pair.live}, {NULL, NULL}},
                3600);
        if (act != RESTORE)
            take_away(&pair, pair.second);
        meanwhile_pair = &pair;
        step_meanwhile = meantimes[i / 3].step;
        seen_meanwhile = NULL;
        meanwhile = note_index;
        int code = act_meanwhile(place, name, &pair, act, &err);
        assert_non_null(seen_meanwhile);
        if (code != meantimes[i / 3].code)
            fail_msg("step %zu, act %d: %d, %s", i / 3, (int)act, code, err.text);
        char *now = text_of(&pair);
        assert_string_equal(seen_meanwhile, now);
        free(now);
        free(seen_meanwhile);
        free(pair.dir);
        free(name);
    }
}

/* Hashing took minutes, and somebody exported: what was verified is not what is there. */
static void a_repair_acts_on_what_was_verified_alone(void **state)
{
    struct place *place = *state;
    for (int whole = 0; whole < 2; whole++) {
        char *name = mem_printf("api%d", whole);
        struct pair pair = put_pair(place, name);
        char base[HEX];
        enum repair_act act;
        char *detail;
        struct err err = {0};
        put_blob(pair.dir, "base layer", 7200, base);
        take_away(&pair, whole ? pair.second : base);
        struct verify_result result = verify(place, name);
        const struct remove_context context = context_of(place, name);
        put_blob(pair.dir, whole ? "second layer" : "base layer", 3700, base);
        export_ends(&pair);
        assert_int_equal(ERR_CHANGED, repair_cache(&context, &result, &act, &detail, &err));
        assert_true(index_names(&pair, pair.live));
        verify_done(&result);
        free(pair.dir);
        free(name);
    }
}

/* Nothing in it was whole, so all of it is to go: until an export ends. */
static void a_repair_removes_no_export_that_came_meanwhile(void **state)
{
    struct place *place = *state;
    struct pair pair = put_pair(place, "api");
    char base[HEX];
    enum repair_act act;
    char *detail;
    struct err err = {0};
    put_blob(pair.dir, "base layer", 7200, base);
    take_away(&pair, base);
    struct verify_result result = verify(place, "api");
    const struct remove_context context = context_of(place, "api");
    meanwhile_pair = &pair;
    before_rename = export_ends;
    assert_int_equal(ERR_CHANGED, repair_cache(&context, &result, &act, &detail, &err));
    assert_null(before_rename);
    assert_true(index_names(&pair, pair.live));
    verify_done(&result);
    free(pair.dir);
}

/* ------------------------------------------------------------------ dedupe */

static int link_item(struct place *place, const struct dedupe_item *item, const char *const *names,
                     struct err *err)
{
    const struct dedupe_place from = {place->root_fd, names[item->from]};
    const struct dedupe_place to = {place->root_fd, names[item->to]};
    return dedupe_link(item, &from, &to, false, false, NULL, err);
}

static void copies_become_one_file(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"a", "b", "c"};
    struct cache *caches[3];
    struct dedupe_plan plan;
    for (size_t i = 0; i < 3; i++) {
        struct pair pair = put_pair(place, names[i]);
        free(pair.dir);
        caches[i] = scan_cache(place->root_fd, place->root, names[i], NULL);
        assert_int_equal(CACHE_OK, caches[i]->state);
    }
    dedupe_make((const struct cache *const *)caches, 3, &plan);
    assert_int_equal(2 * caches[0]->blobs_len, plan.len);
    assert_true(plan.frees_bytes > 0 && plan.frees_bytes == plan.duplicated_bytes);
    assert_true(plan.linked_bytes == 0);
    for (size_t i = 0; i < plan.len; i++)
        assert_int_equal(0, link_item(place, &plan.items[i], names, NULL));
    int64_t planned = plan.frees_bytes;
    dedupe_done(&plan);
    for (size_t i = 0; i < 3; i++) {
        cache_free(caches[i]);
        caches[i] = scan_cache(place->root_fd, place->root, names[i], NULL);
        assert_true(caches[i]->shared_bytes > 0);
        assert_int_equal(0, caches[i]->leftovers_len);
        assert_true(is_ok(place, names[i]));
    }
    dedupe_make((const struct cache *const *)caches, 3, &plan);
    assert_int_equal(0, plan.len);
    assert_true(plan.linked_bytes == planned);
    dedupe_done(&plan);

    /* One goes, the others stay whole. */
    const struct remove_context context = context_of(place, "a");
    int64_t freed;
    assert_int_equal(0, remove_service(&context, &freed, NULL));
    assert_true(is_ok(place, "b") && is_ok(place, "c"));
    for (size_t i = 0; i < 3; i++)
        cache_free(caches[i]);
}

static void damaged_and_changed_copies_are_left_alone(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"a", "b"};
    struct pair a = put_pair(place, "a"), b = put_pair(place, "b");
    struct dedupe_plan plan;
    struct err err;
    overwrite(&a, a.second, "SECOND LAYER");
    overwrite(&b, b.second, "SECOND LAYER");
    struct cache *caches[] = {scan_cache(place->root_fd, place->root, "a", NULL),
                              scan_cache(place->root_fd, place->root, "b", NULL)};
    dedupe_make((const struct cache *const *)caches, 2, &plan);
    struct digest damaged;
    assert_true(digest_parse_hex(a.second, &damaged));
    for (size_t i = 0; i < plan.len; i++) {
        struct dedupe_item item = plan.items[i];
        bool bad = digest_equal(&item.digest, &damaged);
        item.to_ino++;
        assert_int_equal(ERR_CHANGED, link_item(place, &item, names, &err));
        assert_int_equal(bad ? ERR_FORMAT : 0, link_item(place, &plan.items[i], names, &err));
    }
    dedupe_done(&plan);
    cache_free(caches[0]);
    cache_free(caches[1]);
    free(a.dir);
    free(b.dir);
}

/* What it removes may be the very copy, and what it set aside has the link's first name. */
static void nothing_is_linked_where_another_bilge_works(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"a", "b"};
    struct pair a = put_pair(place, "a"), b = put_pair(place, "b");
    struct cache *caches[] = {scan_cache(place->root_fd, place->root, "a", NULL),
                              scan_cache(place->root_fd, place->root, "b", NULL)};
    struct dedupe_plan plan;
    struct err err;
    dedupe_make((const struct cache *const *)caches, 2, &plan);
    const struct dedupe_item *item = &plan.items[0];
    char hex[HEX],
        *waits = mem_printf("%s/.bilge-aside.%s", names[item->to], digest_hex(hex, &item->digest));
    file_write_text(place->root, waits, "set aside");
    int fd = openat(place->root_fd, names[item->to], O_RDONLY | O_DIRECTORY);
    assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB));
    assert_int_equal(ERR_BUSY, link_item(place, item, names, &err));
    char *text = file_read(place->root, waits, NULL);
    assert_string_equal("set aside", text);
    struct cache *after = scan_cache(place->root_fd, place->root, names[item->to], NULL);
    uint32_t blob = cache_find_blob(after, &item->digest);
    assert_int_equal(item->to_ino, after->blobs[blob].ino);
    close(fd);
    assert_int_equal(0, link_item(place, item, names, &err));
    cache_free(after);
    free(text);
    free(waits);
    dedupe_done(&plan);
    cache_free(caches[0]);
    cache_free(caches[1]);
    free(a.dir);
    free(b.dir);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_whole_cache_verifies),
        CASE(each_damage_is_named),
        CASE(what_is_no_cache_is_a_problem),
        CASE(a_repair_goes_back_to_what_is_whole),
        CASE(a_repair_keeps_the_tags_that_are_whole),
        CASE(an_index_that_is_not_understood_is_left_alone),
        CASE(a_missing_index_is_written_anew),
        CASE(a_repair_removes_nothing_without_an_index),
        CASE(a_repair_leaves_a_manifest_alone_that_it_does_not_understand),
        CASE(a_damaged_manifest_gives_way_to_what_is_whole),
        CASE(a_blob_is_damaged_by_its_content_alone),
        CASE(a_cache_with_nothing_whole_goes),
        CASE(a_cache_with_something_foreign_in_it_stays),
        CASE(a_repair_leaves_a_busy_cache_alone),
        CASE(a_restore_names_the_earlier_generation),
        CASE(a_restore_leaves_other_tags_alone),
        CASE(a_restore_refuses_what_would_fail_a_build),
        CASE(a_restore_hides_no_export_that_was_not_shown),
        CASE(a_restore_keeps_the_other_entries_byte_for_byte),
        CASE(a_tag_is_written_as_it_was_read),
        CASE(a_restore_invents_no_tag),
        CASE(a_new_index_keeps_owner_and_mode),
        CASE(what_came_meanwhile_is_never_written_over),
        CASE(a_repair_acts_on_what_was_verified_alone),
        CASE(a_repair_removes_no_export_that_came_meanwhile),
        CASE(copies_become_one_file),
        CASE(damaged_and_changed_copies_are_left_alone),
        CASE(nothing_is_linked_where_another_bilge_works),
    };
    limit_program(60);
    if (!blob_hash_available()) {
        puts("1..0 # SKIP built without libcrypto");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
