/* The doctor: tmpfiles.d's lines, and each check of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/doctor/doctor.h"
#include "core/store/description.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

#define DAY INT64_C(86400)

static void test_tmpfiles(void **state)
{
    static const struct {
        const char *text, *path;
        int64_t age_s; /* -1: nothing cleans it */
    } cases[] = {
        {"", "/tmp/docker-cache", -1},
        {"q /tmp 1777 root root 10d", "/tmp/docker-cache", 10 * DAY},
        {"q /tmp 1777 root root 10d\n", "/tmp", 10 * DAY},
        {"q /tmp/ 1777 root root 10d\n", "/tmp/docker-cache", 10 * DAY},
        {"q! /tmp 1777 root root 10d", "/tmp/docker-cache", 10 * DAY},
        {"  d   \"/tmp\"\t1777 root root 1w2d ", "/tmp/docker-cache", 9 * DAY},
        {"D /tmp 1777 root root -", "/tmp/docker-cache", -1},
        {"d /tmp 1777 root root", "/tmp/docker-cache", -1},
        {"d /tmp 1777 root root 12h", "/tmpfiles/x", -1},
        {"d /tmp 1777 root root ~12h30m", "/tmp/x", 12 * 3600 + 1800},
        {"d /tmp 1777 root root bmA:12h", "/tmp/x", 12 * 3600},
        {"d /tmp 1777 root root 90", "/tmp/x", 90},
        {"d /tmp 1777 root root 10parsecs", "/tmp/x", -1},
        {"d /tmp 1777 root root 99999999999999999999d", "/tmp/x", -1},
        {"# d /tmp 1777 root root 10d", "/tmp/x", -1},
        {"f /tmp 1777 root root 10d", "/tmp/x", -1},
        {"d %t/x 1777 root root 10d", "%t/x", -1},
        {"d", "/tmp/x", -1},
        {"d \"/tmp", "/tmp/x", -1},
        /* An entry of its own keeps a path from the cleaning above it. */
        {"d /tmp - - - 10d\nd /tmp/docker-cache - - - -", "/tmp/docker-cache", -1},
        {"d /tmp/docker-cache - - - -\nd /tmp - - - 10d", "/tmp/docker-cache", -1},
        {"d /tmp - - - 10d\nd /tmp/docker-cache - - - 5d", "/tmp/docker-cache", 5 * DAY},
        {"d /tmp - - - 10d\nd /tmp - - - 5d", "/tmp/docker-cache", 10 * DAY},
        {"d /tmp - - - 10d\nx /tmp/docker-cache", "/tmp/docker-cache", -1},
        {"d /tmp - - - 10d\nx /tmp/docker-*", "/tmp/docker-cache/deeper", -1},
        {"d /tmp - - - 10d\nx /tmp", "/tmp/docker-cache", -1},
        {"d /tmp - - - 10d\nx /tmp/other", "/tmp/docker-cache", 10 * DAY},
        {"e /home/*/cache - - - 3d", "/home/ann/cache/x", 3 * DAY},
        {"e /home/*/cache - - - 3d", "/home/ann/other", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tmpfiles tmpfiles = {0};
        tmpfiles_parse(&tmpfiles, "/etc/tmpfiles.d/a.conf", cases[i].text, strlen(cases[i].text));
        const struct tmpfiles_rule *rule = tmpfiles_find(&tmpfiles, cases[i].path);
        long long age_s = rule != NULL ? (long long)rule->age_s : -1;
        if (age_s != cases[i].age_s)
            fail_msg("\"%s\" for %s: %lld", cases[i].text, cases[i].path, age_s);
        tmpfiles_done(&tmpfiles);
    }
}

/* ------------------------------------------------------------------- checks */

static struct doctor_facts healthy(void)
{
    return (struct doctor_facts){.has_docker = true, .has_systemd = true, .uid = 1000};
}

static struct cache *cache_of(struct store *store)
{
    return store->services[0].cache;
}

static struct store *healthy_store(void)
{
    struct store *store = store_new();
    plan_world_builder(store, "default");
    store_put_root(store, "/root", NULL);
    struct cache *cache = plan_world_cache(store, "api");
    cache->uid = 1000;
    struct disk *disk = store_put_disk(store, cache->dev, "/root");
    disk->total_bytes = 1000000000000;
    disk->free_bytes = 500000000000;
    store->history_load = LOAD_DONE;
    return store;
}

static const struct doctor_finding *find(const struct doctor_report *report, const char *id)
{
    for (size_t i = 0; i < report->len; i++)
        if (strcmp(report->items[i].id, id) == 0)
            return &report->items[i];
    fail_msg("no check %s", id);
    return NULL;
}

static void test_nothing_to_find(void **state)
{
    struct store *store = healthy_store();
    struct doctor_facts facts = healthy();
    struct doctor_report report = doctor_examine(store, &facts, PLAN_NOW);
    (void)state;
    for (size_t i = 0; i < report.len; i++)
        if (report.items[i].severity != DOCTOR_OK)
            fail_msg("%s: %s", report.items[i].id, report.items[i].text);
    assert_int_equal(report.worst, DOCTOR_OK);
    doctor_report_done(&report);
    store_free(store);
}

/* Makes one thing odd. */
typedef void spoil_fn(struct store *store, struct doctor_facts *facts);

static void no_docker(struct store *store, struct doctor_facts *facts)
{
    (void)store;
    facts->has_docker = false;
}

static void no_buildx(struct store *store, struct doctor_facts *facts)
{
    (void)store;
    facts->no_buildx = true;
}

static void refused(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    mem_replace(&store->builders[0].error, "no permission for /var/run/docker.sock: sudo");
}

static void stopped(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    mem_replace(&store->builders[0].error, "no engine answers on /run/x: is dockerd running?");
}

static void no_export(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->builders[0].no_cache_export = true;
}

static void other_builder(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->builders[0].embedded = false;
}

static void bad_project(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    mem_replace(&store->project_error, "compose: line 7: mapping values are not allowed here");
}

static void no_project(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    mem_replace(&store->project_error, "no compose file in /x or above it");
}

static void low_disk(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->disks[0].free_bytes = 80000000000;
    store->disks[0].alarm = DISK_AMBER;
}

static void full_disk(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->disks[0].free_bytes = 0;
    store->disks[0].alarm = DISK_RED;
}

static void soon_full(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->disks[0].full_at = PLAN_NOW + 3600 * CLOCK_SECOND;
}

static void in_memory(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->roots[0].in_memory = true;
}

static void small_disk(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->disks[0].total_bytes = 2000000000;
    store->disks[0].free_bytes = 1500000000;
}

static void cleaned(struct store *store, struct doctor_facts *facts)
{
    static const char text[] = "d /root - - - 10d";
    (void)store;
    tmpfiles_parse(&facts->tmpfiles, "/etc/tmpfiles.d/a.conf", text, sizeof text - 1);
}

static void alias(struct store *store, struct doctor_facts *facts)
{
    (void)store;
    strlist_add(&facts->aliases, "/link");
    strlist_add(&facts->aliases, "/root");
}

static void unreadable(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    cache_of(store)->state = CACHE_UNREADABLE;
}

static void of_root(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    cache_of(store)->uid = 0;
}

static void one_directory(struct store *store, struct doctor_facts *facts)
{
    struct service *service = &store->services[0];
    (void)facts;
    service->same_path = mem_zalloc(sizeof *service->same_path);
    service->same_path[service->same_path_len++] = mem_strdup("worker");
}

static void missing_blob(struct store *store, struct doctor_facts *facts)
{
    struct cache *cache = cache_of(store);
    (void)facts;
    cache->problems = mem_zalloc(sizeof *cache->problems);
    cache->problems[cache->problems_len++] =
        (struct cache_problem){.kind = PROBLEM_MISSING, .detail = mem_strdup("gone")};
}

static void shrunken(struct store *store, struct doctor_facts *facts)
{
    static const int fewer[] = {3, 1, 0}, more[] = {4, 1, 2, 0};
    struct cache *cache = cache_of(store);
    (void)facts;
    for (int i = 1; i <= 4; i++)
        plan_world_blob(cache, i, 1000, PLAN_DAY)->role = i <= 2 ? BLOB_LAYER : BLOB_MANIFEST;
    plan_world_generation(cache, true, PLAN_HOUR, fewer)->shrunken = true;
    plan_world_generation(cache, false, PLAN_DAY, more)->fuller = true;
}

static void forgetful(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->history_load = LOAD_FAILED;
}

static void damaged(struct store *store, struct doctor_facts *facts)
{
    (void)facts;
    store->history_load = LOAD_FAILED;
    mem_replace(&store->history_error, "reading the history: file is not a database");
}

static void test_each_check(void **state)
{
    static const struct {
        const char *id;
        spoil_fn *spoil;
        enum doctor_severity severity;
        const char *fix; /* part of it */
    } cases[] = {
        {"docker", no_docker, DOCTOR_BAD, "apt install"},
        {"buildx", no_buildx, DOCTOR_NOTE, "apt install docker-buildx"},
        {"engine", refused, DOCTOR_BAD, "usermod -aG docker"},
        {"engine", stopped, DOCTOR_BAD, "systemctl start docker"},
        {"export", no_export, DOCTOR_WARNING, "containerd-snapshotter"},
        {"builder", other_builder, DOCTOR_NOTE, "--builder default"},
        {"project", bad_project, DOCTOR_WARNING, NULL},
        {"project", no_project, DOCTOR_NOTE, NULL},
        {"disk", low_disk, DOCTOR_WARNING, "--free"},
        {"disk", full_disk, DOCTOR_BAD, "--free"},
        {"disk", soon_full, DOCTOR_WARNING, "--free"},
        {"memory", in_memory, DOCTOR_WARNING, "cache_to"},
        {"small-disk", small_disk, DOCTOR_NOTE, NULL},
        {"age-cleaning", cleaned, DOCTOR_WARNING, "echo x '/root' | sudo tee"},
        {"symlink", alias, DOCTOR_NOTE, NULL},
        {"readable", unreadable, DOCTOR_WARNING, "sudo ls"},
        {"owner", of_root, DOCTOR_WARNING, "sudo chown -R \"$USER\" '/root/api'"},
        {"shared-directory", one_directory, DOCTOR_WARNING, "of its own"},
        {"whole", missing_blob, DOCTOR_BAD, "verify --repair 'api'"},
        {"shrunken", shrunken, DOCTOR_WARNING, "bilge restore 'api'"},
        {"history", forgetful, DOCTOR_NOTE, NULL},
        {"history", damaged, DOCTOR_WARNING, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = healthy_store();
        struct doctor_facts facts = healthy();
        cases[i].spoil(store, &facts);
        struct doctor_report report = doctor_examine(store, &facts, PLAN_NOW);
        const struct doctor_finding *finding = find(&report, cases[i].id);
        if (finding->severity != cases[i].severity)
            fail_msg("%s: %s", cases[i].id, finding->text);
        assert_int_equal(report.worst, cases[i].severity);
        if (cases[i].fix == NULL)
            assert_null(finding->fix);
        else if (strstr(finding->fix, cases[i].fix) == NULL)
            fail_msg("%s: %s", cases[i].id, finding->fix);
        doctor_report_done(&report);
        doctor_facts_done(&facts);
        store_free(store);
    }
}

/* Whether an engine that does not answer can export is not "ok". */
static void test_silent_engine(void **state)
{
    static const char *const open[] = {"export", "builder"};
    struct store *store = healthy_store();
    struct doctor_facts facts = healthy();
    (void)state;
    stopped(store, &facts);
    struct doctor_report report = doctor_examine(store, &facts, PLAN_NOW);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        assert_int_equal(find(&report, open[i])->severity, DOCTOR_NOTE);
    doctor_report_done(&report);
    doctor_facts_done(&facts);
    store_free(store);
}

/* A path in a command to paste stays one word, whatever is in it. */
static void test_fixes_are_quoted(void **state)
{
    struct store *store = healthy_store();
    struct doctor_facts facts = healthy();
    (void)state;
    cache_of(store)->uid = 0;
    mem_replace(&cache_of(store)->path, "/root/a'; rm x");
    struct doctor_report report = doctor_examine(store, &facts, PLAN_NOW);
    assert_non_null(strstr(find(&report, "owner")->fix, "'/root/a'\\''; rm x'"));
    doctor_report_done(&report);
    store_free(store);
}

static void test_layer_words(void **state)
{
    static const struct {
        const char *description, *words;
    } cases[] = {
        {"mount / from exec /bin/sh -c cargo   build \\\n  -r", "RUN cargo build \\ -r"},
        {"mount / from exec bundle install", "RUN bundle install"},
        {"[builder 4/6] COPY src .", "[builder 4/6] COPY src ."},
        {"cached mount /t from exec /bin/sh -c make", "cache mount /t of RUN make"},
        {"mount / from exec /bin/sh -c \n  a\nb\n\n", "RUN a b"},
        {"cached mount /t", "cache mount /t"},
        {"pulled from docker.io/library/alpine:3", "base image docker.io/library/alpine:3"},
        {"imported sha256:0dc874a1", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *words = description_of_step(cases[i].description);
        if (cases[i].words == NULL)
            assert_null(words);
        else
            assert_string_equal(words, cases[i].words);
        free(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tmpfiles),         cmocka_unit_test(test_nothing_to_find),
        cmocka_unit_test(test_each_check),       cmocka_unit_test(test_silent_engine),
        cmocka_unit_test(test_fixes_are_quoted), cmocka_unit_test(test_layer_words),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
