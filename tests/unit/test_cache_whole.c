/* Whole caches that go, and what a killed removal left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/cache/note.h"
#include "core/cache/remove.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"
#include "tests/unit/place_kit.h"

/* ---- whole services */

static void test_service(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed = 0, size = kit_du(&place->kit);
    file_write_text(place->kit.root, "other/file", "stays");
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_int_equal(size, freed);
    assert_false(file_exists(place->kit.root, "api"));
    assert_true(file_exists(place->kit.root, "other/file"));
}

static void check_foreign(struct place *place, const char *words)
{
    struct err err = {0};
    int64_t freed = 0, size = kit_du(&place->kit);
    assert_int_equal(ERR_FOREIGN, remove_service(&place->context, &freed, &err));
    assert_non_null(strstr(err.text, words));
    assert_int_equal(0, freed);
    assert_int_equal(size, kit_du(&place->kit));
}

static void test_service_in_a_project(void **state)
{
    struct place *place = *state;
    file_write_text(place->kit.dir, "main\033.c", "int main(void) {}");
    check_foreign(place, "main\\x1b.c");
    place->context.now = true;
    check_foreign(place, "no part of a cache");
}

static void test_service_foreign(void **state)
{
    struct place *place = *state;
    kit_free(&place->kit);
    kit_new(&place->kit, true);
    place->context.root_fd = place->kit.root_fd;
    place->context.root_path = place->kit.root;
    file_write_text(place->kit.dir, "index.json", "{\"name\":\"a web project\"}");
    place_show(place);
    check_foreign(place, "no cache directory");
}

static void test_service_empty(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    kit_free(&place->kit);
    kit_new(&place->kit, true);
    place->context.root_fd = place->kit.root_fd;
    place->context.root_path = place->kit.root;
    dir_make(place->kit.dir, "a/b/c");
    place_show(place);
    int64_t freed = 0, size = kit_du(&place->kit);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_int_equal(size, freed);
    assert_false(file_exists(place->kit.root, "api"));
}

static void test_service_missing(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed = 0;
    place->context.name = "nothing";
    assert_int_equal(-ENOENT, remove_service(&place->context, &freed, &err));
    place->context.name = "..";
    assert_true(remove_service(&place->context, &freed, &err) < 0);
}

/* Many names, nested and in one directory; odd ones among them. */
static void test_service_large(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    for (int i = 0; i < 3000; i++) {
        char *name = mem_printf("blobs/sha256/%060d", i);
        file_write_text(place->kit.dir, name, "");
        free(name);
    }
    for (int i = 0; i < 300; i++) {
        char *name = mem_printf("ingest/%d/%d/%d/data", i % 7, i % 11, i);
        file_write_text(place->kit.dir, name, "x");
        kit_set_age(&place->kit, name, 100000);
        free(name);
    }
    char *link = path_join(place->kit.dir, "ingest/link");
    file_write_text(place->kit.root, "elsewhere/file", "stays");
    assert_int_equal(0, symlink(place->kit.root, link));
    place->context.now = true;
    int64_t freed = 0, size = kit_du(&place->kit);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_int_equal(size, freed);
    assert_false(file_exists(place->kit.root, "api"));
    assert_true(file_exists(place->kit.root, "elsewhere/file"));
    free(link);
}

/* ---- what a killed one left */

static void test_recover(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    size_t count = 0;
    for (int beside = 0; beside < 2; beside++) {
        static const unsigned moved[] = {3, 121, 50, 1};
        for (size_t i = 0; i < LEN(moved); i++) {
            const char *hex = kit_digest(moved[i]) + 7;
            char *from = path_join(place->kit.dir, kit_blob_path(moved[i]));
            char *name = mem_printf(beside ? ".bilge-aside.%s" : ".bilge-aside/%s", hex);
            char *to = path_join(place->kit.dir, name);
            dir_make(place->kit.dir, ".bilge-aside");
            if (access(from, F_OK) == 0)
                assert_int_equal(0, rename(from, to));
            free(from);
            free(name);
            free(to);
        }
        file_write_text(place->kit.dir,
                        beside ? ".bilge-aside.ingest.x/data" : ".bilge-aside/ingest.x/data", "x");
        assert_int_equal(0, kit_recover(&place->kit, &count, &err));
        assert_true(has_blob(place, 3) && has_blob(place, 121));
        /* Whatever is not needed is back as well: the next plan shows it. */
        assert_true(has_blob(place, 1) && has_blob(place, 50));
        assert_true(kit_exists(&place->kit, "ingest/x/data"));
        assert_live_whole(place);
        assert_tidy(place);
    }
    assert_int_equal(2, count);
}

/* The live manifest itself waits. */
static void test_recover_live_manifest(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    static const unsigned moved[] = {120, 5};
    for (size_t i = 0; i < LEN(moved); i++) {
        char *from = path_join(place->kit.dir, kit_blob_path(moved[i]));
        char *name =
            mem_printf(i == 0 ? ".bilge-aside.%s" : ".bilge-aside/%s", kit_digest(moved[i]) + 7);
        char *to = path_join(place->kit.dir, name);
        dir_make(place->kit.dir, ".bilge-aside");
        assert_int_equal(0, rename(from, to));
        free(from);
        free(name);
        free(to);
    }
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_live_whole(place);
    assert_tidy(place);
}

/* ---- whole removals that were interrupted */

/* As a removal does, up to the rename. The caller frees the path. */
static char *begin(struct place *place, bool note, bool decided)
{
    char name[NOTE_NAME_SIZE];
    struct fs_stat stat;
    struct err err;
    int fd;
    assert_int_equal(0, fs_open_dir(place->kit.root_fd, "api", &fd, &err));
    assert_int_equal(0, fs_stat_fd(fd, &stat, &err));
    kit_removed_name("api", stat.ino, decided, name);
    if (note)
        assert_int_equal(0, note_write(fd, "api", stat.ino, &err));
    close(fd);
    assert_int_equal(0, renameat(place->kit.root_fd, "api", place->kit.root_fd, name));
    return path_join(place->kit.root, name);
}

static char *begin_removal(struct place *place, bool note)
{
    return begin(place, note, true);
}

static void put_file(const char *dir, const char *name, const char *text)
{
    file_write_text(dir, name, text);
}

/* What a look says is left: "removal", "foreign", …, in the order of `kinds`. */
static void check_kinds(struct place *place, const char *path, const char *kind)
{
    struct unfinished_list list = {0};
    const char *found = NULL;
    remove_unfinished(place->kit.root_fd, place->kit.root, NULL, &list);
    for (size_t i = 0; i < list.len; i++)
        if (strcmp(list.items[i].path, path) == 0)
            found = unfinished_kind_name(list.items[i].kind);
    if (kind == NULL)
        assert_null(found);
    else {
        assert_non_null(found);
        assert_string_equal(kind, found);
    }
    unfinished_done(&list);
}

static void test_a_look_changes_nothing(void **state)
{
    struct place *place = *state;
    char *gone = begin_removal(place, true);
    char *before = tree_list(place->kit.root);
    check_kinds(place, gone, "removal");
    char *after = tree_list(place->kit.root);
    assert_string_equal(before, after);
    free(before);
    free(after);
    free(gone);
}

static void test_an_interrupted_removal_is_finished(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    for (int note = 0; note < 2; note++) {
        size_t count = 0;
        if (note)
            kit_generation(&place->kit, 100, 101, 1, 3);
        if (note)
            kit_write(&place->kit, "oci-layout", "{}", 2);
        char *gone = begin_removal(place, note);
        int fd = open(gone, O_RDONLY | O_DIRECTORY);
        assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB)); /* a living bilge is at it */
        check_kinds(place, gone, NULL);
        assert_int_equal(0, kit_recover(&place->kit, &count, &err));
        assert_int_equal(0, count);
        assert_true(file_exists(gone, "oci-layout"));
        close(fd);
        check_kinds(place, gone, "removal");
        assert_int_equal(0, kit_recover(&place->kit, &count, &err));
        assert_int_equal(1, count);
        assert_int_equal(-1, access(gone, F_OK));
        free(gone);
    }
}

static void check_stays(struct place *place, const char *gone, const char *file)
{
    struct err err = {0};
    size_t count = 0;
    check_kinds(place, gone, "foreign");
    assert_int_equal(0, kit_recover(&place->kit, &count, &err));
    assert_int_equal(0, count);
    assert_true(file_exists(gone, file));
}

/* Something has the name, and is none of ours. */
static void test_what_only_has_the_name_stays(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {
        ".bilge-gone.",
        ".bilge-gone.api",
        ".bilge-gone.api.00",
        ".bilge-gone.api.0123456789abcdef",
        ".bilge-gone.api.1-0123456789abcdef",
        ".bilge-gone.project",
    };
    for (size_t i = 0; i < LEN(names); i++) {
        char *gone = path_join(place->kit.root, names[i]);
        put_file(gone, "oci-layout", "{}");
        put_file(gone, "blobs/sha256/x", "somebody's work");
        check_stays(place, gone, "blobs/sha256/x");
        free(gone);
    }
    assert_int_equal(0, symlinkat("/etc", place->kit.root_fd, ".bilge-gone.link"));
    char *link = path_join(place->kit.root, ".bilge-gone.link");
    check_kinds(place, link, "foreign");
    free(link);
}

/* A copy of an interrupted removal is a copy of a cache. */
static void test_a_copy_stays(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *gone = begin_removal(place, true), *copy = mem_printf("%s/copy", place->kit.root);
    char *command = mem_printf("cp -a '%s' '%s' && rm -r '%s' && mkdir '%s/other' && mv '%s' '%s'",
                               gone, copy, gone, place->kit.root, copy, gone);
    assert_int_equal(0, system(command));
    check_stays(place, gone, "index.json");
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    free(command);
    free(copy);
    free(gone);
}

static void test_a_removal_with_a_stranger_in_it_stays(void **state)
{
    struct place *place = *state;
    char *gone = begin_removal(place, true);
    put_file(gone, "thesis.txt", "chapter one");
    check_stays(place, gone, "thesis.txt");
    free(gone);
}

/* The note speaks of another directory, or is not ours. */
static void test_a_note_that_does_not_fit(void **state)
{
    struct place *place = *state;
    char *gone = begin_removal(place, true), *note = path_join(gone, ".bilge-removing");
    static const char *const texts[] = {
        "bilge-removing 1\ninode 1\nname api\n",
        "bilge-removing 2\n",
        "hello",
        " ",
    };
    for (size_t i = 0; i < LEN(texts); i++) {
        unlink(note);
        put_file(gone, ".bilge-removing", texts[i]);
        check_stays(place, gone, "index.json");
    }
    unlink(note);
    assert_int_equal(0, symlink("index.json", note));
    check_stays(place, gone, "index.json");
    free(gone);
    free(note);
}

/* Without a note the name must do; where others can give names, it does not. */
static void test_names_in_a_shared_root_prove_nothing(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *gone = begin_removal(place, false);
    assert_int_equal(0, chmod(place->kit.root, 0777));
    check_stays(place, gone, "index.json");
    assert_int_equal(0, chmod(place->kit.root, 01777));
    check_kinds(place, gone, "removal");
    if (geteuid() == 0) { /* the root's owner can, too */
        assert_int_equal(0, chown(place->kit.root, 65534, 65534));
        check_stays(place, gone, "index.json");
    }
    /* An empty directory is no loss. */
    char *command = mem_printf("rm -r '%s'/* '%s'/.b* 2>/dev/null; true", gone, gone);
    assert_int_equal(0, system(command));
    check_kinds(place, gone, "removal");
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_int_equal(-1, access(gone, F_OK));
    free(command);
    free(gone);
}

/* Other users' removals are theirs. Root finishes those of everybody, but believes
 * a note only if it is its own, or the owner's. */
static void test_others_removals(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    if (geteuid() != 0)
        skip();
    char *gone = begin_removal(place, true), *note = path_join(gone, ".bilge-removing");
    char *command = mem_printf("chown -R 65534 '%s'", gone);
    assert_int_equal(0, system(command));
    assert_int_equal(0, chown(note, 65533, 65533));
    check_stays(place, gone, "index.json");
    assert_int_equal(0, chown(note, 65534, 65534));
    check_kinds(place, gone, "removal");
    assert_int_equal(0, chown(note, 0, 0));
    check_kinds(place, gone, "removal");
    assert_int_equal(0, chmod(place->kit.root, 0755));
    assert_int_equal(0, seteuid(65533));
    check_stays(place, gone, "index.json");
    assert_int_equal(0, seteuid(0));
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_int_equal(-1, access(gone, F_OK));
    free(command);
    free(note);
    free(gone);
}

/* A long name does not fit whole into the new one. */
static void test_long_names(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char name[256] = {0};
    memset(name, 'n', 255);
    char *path = path_join(place->kit.root, name);
    assert_int_equal(0, rename(place->kit.dir, path));
    char gone[NOTE_NAME_SIZE];
    struct fs_stat stat;
    int fd;
    assert_int_equal(0, fs_open_dir(place->kit.root_fd, name, &fd, &err));
    assert_int_equal(0, fs_stat_fd(fd, &stat, &err));
    kit_removed_name(name, stat.ino, true, gone);
    assert_int_equal(0, note_write(fd, name, stat.ino, &err));
    assert_int_equal(0, renameat(place->kit.root_fd, name, place->kit.root_fd, gone));
    assert_int_equal(NOTE_OURS, note_check(place->kit.root_fd, gone, fd, &err));
    close(fd);
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_false(file_exists(place->kit.root, gone));
    free(path);
}

/* ---- not decided yet: it comes back */

static void test_an_undecided_removal_comes_back(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    for (int note = 0; note < 2; note++) {
        char *away = begin(place, note, false), *before = tree_list(away);
        size_t count = 0;
        check_kinds(place, away, "aside");
        assert_int_equal(0, kit_recover(&place->kit, &count, &err));
        assert_int_equal(1, count);
        assert_int_equal(-1, access(away, F_OK));
        assert_false(kit_exists(&place->kit, ".bilge-removing"));
        assert_live_whole(place);
        if (!note) {
            char *after = tree_list(place->kit.dir);
            assert_string_equal(before, after);
            free(after);
        }
        free(before);
        free(away);
    }
}

static void test_an_undecided_removal_with_a_stranger_in_it_comes_back(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *away = begin(place, true, false);
    put_file(away, "thesis.txt", "chapter one");
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_true(kit_exists(&place->kit, "thesis.txt"));
    free(away);
}

/* A long name that only the note knows whole. */
static void test_an_undecided_removal_of_a_long_name(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char name[256] = {0}, away[NOTE_NAME_SIZE];
    struct fs_stat stat;
    int fd;
    memset(name, 'n', 255);
    assert_int_equal(0, renameat(place->kit.root_fd, "api", place->kit.root_fd, name));
    assert_int_equal(0, fs_open_dir(place->kit.root_fd, name, &fd, &err));
    assert_int_equal(0, fs_stat_fd(fd, &stat, &err));
    kit_removed_name(name, stat.ino, false, away);
    assert_int_equal(0, renameat(place->kit.root_fd, name, place->kit.root_fd, away));
    assert_int_equal(ERR_FORMAT, kit_recover(&place->kit, NULL, &err));
    assert_true(file_exists(place->kit.root, away));
    assert_int_equal(0, note_write(fd, name, stat.ino, &err));
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_true(file_exists(place->kit.root, name));
    close(fd);
}

/* A build has made the directory anew: what it saw in the old one is in the new one
 * then, and what it wrote itself stays. */
static void check_given_back(struct place *place, bool with_index)
{
    struct err err = {0};
    char *away = begin(place, true, false);
    file_write_text(place->kit.dir, kit_blob_path(4), "written anew");
    file_write_text(place->kit.dir, "ingest/new/data", "x");
    if (with_index)
        file_write_text(place->kit.dir, "index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_int_equal(-1, access(away, F_OK));
    static const unsigned blobs[] = {1, 2, 3, 5, 100, 110, 120, 50};
    for (size_t i = 0; i < LEN(blobs); i++)
        assert_true(has_blob(place, blobs[i]));
    char *text = file_read(place->kit.dir, kit_blob_path(4), NULL);
    assert_string_equal("written anew", text);
    free(text);
    assert_true(kit_exists(&place->kit, "ingest/new/data"));
    assert_true(kit_exists(&place->kit, "ingest/old/data"));
    assert_true(kit_exists(&place->kit, "oci-layout"));
    text = file_read(place->kit.dir, "index.json", NULL);
    assert_int_equal(with_index, strstr(text, "\"manifests\":[]") != NULL);
    free(text);
    int fd = open(place->kit.root, O_RDONLY | O_DIRECTORY);
    struct unfinished_list list = {0};
    remove_unfinished(fd, place->kit.root, NULL, &list);
    assert_int_equal(0, list.len);
    unfinished_done(&list);
    close(fd);
    free(away);
}

static void test_what_a_new_directory_lacks_is_given_to_it(void **state)
{
    check_given_back(*state, false);
}

static void test_a_new_index_stays(void **state)
{
    check_given_back(*state, true);
}

/* The name is somebody else's by now: nothing is put into it. */
static void test_a_name_that_others_took(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    char *away = begin(place, true, false);
    assert_int_equal(0, symlink("/tmp", place->kit.dir));
    assert_int_equal(-ELOOP, kit_recover(&place->kit, NULL, &err));
    assert_true(file_exists(away, "index.json"));
    unlink(place->kit.dir);
    if (geteuid() == 0) {
        dir_make(place->kit.root, "api");
        assert_int_equal(0, chown(place->kit.dir, 65534, 65534));
        assert_int_equal(ERR_FOREIGN, kit_recover(&place->kit, NULL, &err));
        assert_true(file_exists(away, "index.json"));
        assert_int_equal(0, rmdir(place->kit.dir));
    }
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_live_whole(place);
    free(away);
}

/* ---- in the middle of a removal */

static void export_again(struct kit *kit)
{
    kit_set_age(kit, "index.json", 5);
}

/* An export that ends between the first look and the rename leaves no sign but
 * index.json itself. */
static void test_an_export_that_just_ended_stays(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed, exported_at = place->cache->last_export_at;
    place->context.exported_at = &exported_at;
    before_rename = export_again;
    assert_int_equal(ERR_CHANGED, remove_service(&place->context, &freed, &err));
    assert_null(before_rename);
    assert_live_whole(place);
    assert_false(kit_exists(&place->kit, ".bilge-removing"));
}

static void begin_build(struct kit *kit)
{
    building_client = "docker compose build api (pid 4711)";
    (void)kit;
}

static void build_makes_directory(struct kit *kit)
{
    begin_build(kit);
    file_write_text(kit->dir, "ingest/new/data", "x");
}

static void test_a_build_that_begins_stops_a_removal(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    before_rename = begin_build;
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_live_whole(place);
    after_rename = build_makes_directory;
    building_client = NULL;
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_null(after_rename);
    assert_true(kit_exists(&place->kit, "ingest/new/data"));
    assert_live_whole(place);
}

static int open_index = -1;

static void write_open_index(struct kit *kit)
{
    (void)kit;
    assert_int_equal(0, futimens(open_index, NULL));
    close(open_index);
}

static void export_has_index_open(struct kit *kit)
{
    char *path = path_join(kit->dir, "index.json");
    open_index = open(path, O_RDWR);
    assert_true(open_index >= 0);
    while_looking = write_open_index;
    free(path);
}

/* One that has index.json open writes it after the rename, too. It may end while the
 * second look goes through the processes: what it wrote is met after that. */
static void test_an_export_that_ends_during_the_second_look_stays(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed, exported_at = place->cache->last_export_at;
    place->context.exported_at = &exported_at;
    before_rename = export_has_index_open;
    assert_int_equal(ERR_CHANGED, remove_service(&place->context, &freed, &err));
    assert_null(while_looking);
    assert_live_whole(place);
}

static void build_came_and_went(struct kit *kit)
{
    file_write_text(kit->dir, kit_blob_path(7), "written anew");
}

/* A whole build between the two looks leaves no sign but its directory. */
static void test_a_directory_made_anew_stops_a_removal(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    after_rename = build_came_and_went;
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_non_null(strstr(err.text, "made anew"));
    assert_live_whole(place);
    assert_true(kit_exists(&place->kit, kit_blob_path(7)));
    assert_tidy(place);
}

/* One that has looked for blobs before, and writes the first thing only now. */
static void test_a_directory_made_anew_a_moment_later_stops_a_removal(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    while_waiting = build_came_and_went;
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_null(while_waiting);
    assert_non_null(strstr(err.text, "made anew"));
    assert_live_whole(place);
    assert_true(kit_exists(&place->kit, kit_blob_path(7)));
    assert_tidy(place);
}

static atomic_bool stopped;

static void stop_removal(struct kit *kit)
{
    (void)kit;
    atomic_store(&stopped, true);
}

static void test_a_removal_that_is_stopped_meanwhile_never_was(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    atomic_store(&stopped, false);
    place->context.cancel = &stopped;
    while_waiting = stop_removal;
    assert_int_equal(ERR_CANCELLED, remove_service(&place->context, &freed, &err));
    assert_live_whole(place);
    assert_tidy(place);
}

/* In a container: the note is no sign of a build, a build's lock is one. */
static void test_a_whole_removal_where_processes_are_hidden(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    kit_set_processes(&place->kit, KIT_CONTAINER);
    kit_set_age(&place->kit, "index.json", 5000);
    kit_set_age(&place->kit, ".", 60);
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_non_null(strstr(err.text, "a build opened it"));
    assert_live_whole(place);
    kit_set_age(&place->kit, ".", 4999);
    assert_int_equal(0, remove_service(&place->context, &freed, &err));
    assert_false(file_exists(place->kit.root, "api"));
}

static int other_bilge = -1;

static void other_bilge_takes_new_directory(struct kit *kit)
{
    build_came_and_went(kit);
    other_bilge = open(kit->dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(0, flock(other_bilge, LOCK_EX | LOCK_NB));
}

/* It might be removing that very directory: nothing is given into it meanwhile. */
static void test_nothing_is_given_to_what_another_bilge_holds(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int64_t freed;
    after_rename = other_bilge_takes_new_directory;
    assert_int_equal(ERR_BUSY, remove_service(&place->context, &freed, &err));
    assert_non_null(strstr(err.text, ".bilge-away.api."));
    assert_false(has_blob(place, 120));
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_false(has_blob(place, 120));
    close(other_bilge);
    assert_int_equal(0, kit_recover(&place->kit, NULL, &err));
    assert_live_whole(place);
    assert_true(kit_exists(&place->kit, kit_blob_path(7)));
    assert_tidy(place);
}

/* ---- temporary files */

static void test_temporary_files(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    size_t count = 0;
    put_file(place->kit.dir, ".index.json.bilge-4711", "{}");
    put_file(place->kit.dir, ".bilge-removing", "half a no");
    put_file(place->kit.dir, ".index.json.bilge-4712", "{}");
    put_file(place->kit.dir, ".index.json.bilge-dir/mine", "x");
    put_file(place->kit.dir, "index.json.lock", "");
    char *held = path_join(place->kit.dir, ".index.json.bilge-4712");
    char *before = tree_list(place->kit.root);
    int fd = open(held, O_RDONLY);
    assert_int_equal(0, flock(fd, LOCK_EX | LOCK_NB)); /* a living bilge writes it */
    check_kinds(place, place->kit.dir, "write");
    char *after = tree_list(place->kit.root);
    assert_string_equal(before, after);
    assert_int_equal(0, kit_recover(&place->kit, &count, &err));
    assert_int_equal(1, count);
    assert_false(kit_exists(&place->kit, ".index.json.bilge-4711"));
    assert_false(kit_exists(&place->kit, ".bilge-removing"));
    assert_true(kit_exists(&place->kit, ".index.json.bilge-4712"));
    assert_true(kit_exists(&place->kit, ".index.json.bilge-dir/mine"));
    assert_true(kit_exists(&place->kit, "index.json.lock"));
    close(fd);
    assert_int_equal(0, kit_recover(&place->kit, &count, &err));
    assert_false(kit_exists(&place->kit, ".index.json.bilge-4712"));
    free(before);
    free(after);
    free(held);
}

/* Only in the one cache that is asked about, and what was of it. */
static void test_one_cache_of_a_root(void **state)
{
    struct place *place = *state;
    struct unfinished_list list = {0};
    struct err err = {0};
    put_file(place->kit.root, "other/oci-layout", "{}");
    put_file(place->kit.root, "other/.index.json.bilge-1", "{}");
    put_file(place->kit.root, ".bilge-gone.apis.1-0123456789abcdef/x", "x");
    char *gone = begin_removal(place, true);
    assert_int_equal(0, remove_recover(place->kit.root_fd, place->kit.root, "api", &list, &err));
    assert_int_equal(1, list.len);
    assert_string_equal(gone, list.items[0].path);
    assert_int_equal(-1, access(gone, F_OK));
    assert_true(file_exists(place->kit.root, "other/.index.json.bilge-1"));
    unfinished_done(&list);
    free(gone);
}

/* Names in the place aside that are none of ours stay there. */
static void test_recover_strangers(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    file_write_text(place->kit.dir, ".bilge-aside/notes.txt", "mine");
    file_write_text(place->kit.dir, ".bilge-aside.txt", "mine");
    char *aside = path_join(place->kit.dir, ".bilge-aside");
    size_t count = 0;
    check_kinds(place, place->kit.dir, NULL);
    check_kinds(place, aside, "foreign");
    assert_int_equal(0, kit_recover(&place->kit, &count, &err));
    assert_int_equal(0, count);
    assert_true(kit_exists(&place->kit, ".bilge-aside/notes.txt"));
    assert_true(kit_exists(&place->kit, ".bilge-aside.txt"));
    want_garbage(place);
    assert_int_equal(0, place_remove(place, &err));
    assert_true(kit_exists(&place->kit, ".bilge-aside/notes.txt"));
    check_foreign(place, ".bilge-aside.txt, which is no part of a cache");
    assert_int_equal(0, unlinkat(place->kit.root_fd, "api/.bilge-aside.txt", 0));
    check_foreign(place, ".bilge-aside/notes.txt, which is no part of a cache");
    free(aside);
}

int main(void)
{
    limit_program(120);
#define TEST(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_service),
        TEST(test_service_in_a_project),
        TEST(test_service_foreign),
        TEST(test_service_empty),
        TEST(test_service_missing),
        TEST(test_service_large),
        TEST(test_recover),
        TEST(test_recover_live_manifest),
        TEST(test_a_look_changes_nothing),
        TEST(test_an_interrupted_removal_is_finished),
        TEST(test_what_only_has_the_name_stays),
        TEST(test_a_copy_stays),
        TEST(test_a_removal_with_a_stranger_in_it_stays),
        TEST(test_a_note_that_does_not_fit),
        TEST(test_names_in_a_shared_root_prove_nothing),
        TEST(test_others_removals),
        TEST(test_long_names),
        TEST(test_an_undecided_removal_comes_back),
        TEST(test_an_undecided_removal_with_a_stranger_in_it_comes_back),
        TEST(test_an_undecided_removal_of_a_long_name),
        TEST(test_what_a_new_directory_lacks_is_given_to_it),
        TEST(test_a_new_index_stays),
        TEST(test_a_name_that_others_took),
        TEST(test_an_export_that_just_ended_stays),
        TEST(test_a_build_that_begins_stops_a_removal),
        TEST(test_an_export_that_ends_during_the_second_look_stays),
        TEST(test_a_directory_made_anew_stops_a_removal),
        TEST(test_a_directory_made_anew_a_moment_later_stops_a_removal),
        TEST(test_a_removal_that_is_stopped_meanwhile_never_was),
        TEST(test_a_whole_removal_where_processes_are_hidden),
        TEST(test_nothing_is_given_to_what_another_bilge_holds),
        TEST(test_temporary_files),
        TEST(test_one_cache_of_a_root),
        TEST(test_recover_strangers),
    };
    return cmocka_run_group_tests_name("cache_whole", tests, NULL, NULL);
}
