/* The main job on a real engine, by commands. The cases build on each other:
 * the first one fills the caches that the others look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/engine/lab.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tree.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct lab *lab; /* one for all cases: a build takes long */

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static int64_t number(const cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    if (!cJSON_IsNumber(item))
        fail_msg("\"%s\" is no number", name);
    return (int64_t)item->valuedouble;
}

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static const cJSON *named(const cJSON *list, const char *key, const char *value)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (strcmp(text(item, key), value) == 0) return item;
    return NULL;
}

static void test_build(void **state)
{
    struct buf out = {0};
    (void)state;
    for (int i = 0; i < LAB_SERVICES; i++)
        assert_int_equal(0, lab_bilge(lab, WORDS("build", lab_services[i]), &out));
    assert_non_null(strstr(out.data, "exporting")); /* it was streamed */
    for (int i = 0; i < LAB_SERVICES; i++)
        assert_true(lab_has_cache(lab, lab_services[i]));
    buf_done(&out);
}

static void test_status_agrees_with_du(void **state)
{
    int status;
    (void)state;
    cJSON *json = lab_bilge_json(lab, WORDS("status", "--json"), &status);
    assert_int_equal(0, status);
    const cJSON *services = member(json, "services");
    for (int i = 0; i < LAB_SERVICES; i++) {
        const cJSON *service = named(services, "name", lab_services[i]);
        assert_non_null(service);
        assert_string_equal("ok", text(service, "state"));
        assert_int_equal(lab_du(lab, lab_services[i]), number(service, "size"));
        assert_true(number(service, "live") > 0);
        assert_int_equal(1, number(service, "generations"));
    }
    cJSON_Delete(json);
}

static void test_records_agree_with_the_engine(void **state)
{
    int status;
    (void)state;
    cJSON *json = lab_bilge_json(lab, WORDS("du", "--json"), &status), *answer;
    assert_int_equal(0, status);
    const cJSON *ours = member(json, "records"), *theirs = lab_records(lab, &answer), *record;
    assert_true(cJSON_GetArraySize(ours) > 5);
    assert_int_equal(cJSON_GetArraySize(theirs), cJSON_GetArraySize(ours));
    cJSON_ArrayForEach(record, theirs)
    {
        const cJSON *same = named(ours, "id", text(record, "ID"));
        assert_non_null(same);
        assert_int_equal(number(record, "Size"), number(same, "size"));
        assert_int_equal(number(record, "UsageCount"), number(same, "usage_count"));
        assert_string_equal(text(record, "Type"), text(same, "type"));
        assert_string_equal(text(record, "Description"), text(same, "description"));
        assert_string_equal(text(record, "CreatedAt"), text(same, "created_at"));
        assert_string_equal(text(record, "LastUsedAt"), text(same, "last_used_at"));
        assert_int_equal(cJSON_IsTrue(member(record, "InUse")),
                         cJSON_IsTrue(member(same, "in_use")));
    }
    cJSON_Delete(json);
    cJSON_Delete(answer);
}

/* The service's directory, with its true size, and at most records of its own. */
static void check_items(const cJSON *items, const char *service, int64_t size)
{
    const cJSON *item = named(items, "kind", "service");
    assert_non_null(item);
    assert_int_equal(size, number(item, "frees"));
    cJSON_ArrayForEach(item, items)
    {
        assert_string_equal(service, text(item, "service"));
        if (strcmp(text(item, "kind"), "service") != 0)
            assert_string_equal("record", text(item, "kind"));
    }
}

static void test_dry_run_touches_nothing(void **state)
{
    int status;
    (void)state;
    char *before = tree_list(lab->caches);
    cJSON *json = lab_bilge_json(
        lab, WORDS("prune", "--service", "ruby-worker", "--dry-run", "--json"), &status);
    assert_int_equal(0, status);
    assert_true(cJSON_IsTrue(member(json, "dry_run")));
    check_items(member(json, "items"), "ruby-worker", lab_du(lab, "ruby-worker"));
    assert_int_equal(0, number(json, "freed"));
    char *after = tree_list(lab->caches);
    assert_string_equal(before, after);
    free(before);
    free(after);
    cJSON_Delete(json);
}

static void test_prune_a_service(void **state)
{
    int status;
    (void)state;
    char *others[] = {path_join(lab->caches, "orchestration"),
                      path_join(lab->caches, "rust-worker")};
    char *before[] = {tree_list(others[0]), tree_list(others[1])};
    int64_t size = lab_du(lab, "ruby-worker");
    cJSON *json =
        lab_bilge_json(lab, WORDS("prune", "--service", "ruby-worker", "--yes", "--json"), &status);
    assert_int_equal(0, status);
    check_items(member(json, "items"), "ruby-worker", size);
    assert_int_equal(0, cJSON_GetArraySize(member(json, "failed")));
    assert_true(number(json, "freed") >= size);
    assert_false(file_exists(lab->caches, "ruby-worker"));
    for (int i = 0; i < 2; i++) {
        char *after = tree_list(others[i]);
        assert_string_equal(before[i], after);
        free(after);
        free(before[i]);
        free(others[i]);
    }
    cJSON_Delete(json);
}

static void test_rebuild_after_a_prune(void **state)
{
    (void)state;
    assert_int_equal(0, lab_bilge(lab, WORDS("build", "ruby-worker"), NULL));
    assert_true(lab_has_cache(lab, "ruby-worker"));
    int status;
    cJSON *json = lab_bilge_json(lab, WORDS("status", "--json"), &status);
    const cJSON *service = named(member(json, "services"), "name", "ruby-worker");
    assert_int_equal(lab_du(lab, "ruby-worker"), number(service, "size"));
    cJSON_Delete(json);
}

static void test_nothing_is_that_old(void **state)
{
    int status;
    (void)state;
    cJSON *json = lab_bilge_json(
        lab, WORDS("prune", "--records", "--older-than", "2w", "--yes", "--json"), &status);
    assert_int_equal(0, status); /* nothing to do is no failure */
    assert_int_equal(0, cJSON_GetArraySize(member(json, "items")));
    cJSON_Delete(json);
}

/* Exactly what the plan lists goes, by the engine's own word. */
static void test_prune_records_by_age(void **state)
{
    int status;
    cJSON *answer, *left;
    (void)state;
    cJSON *json = lab_bilge_json(
        lab, WORDS("prune", "--records", "--older-than", "1s", "--yes", "--json"), &status);
    assert_int_equal(0, status);
    const cJSON *items = member(json, "items"), *item;
    assert_true(cJSON_GetArraySize(items) > 5);
    assert_int_equal(0, cJSON_GetArraySize(member(json, "failed")));
    left = lab_records(lab, &answer);
    cJSON_ArrayForEach(item, items) assert_null(named(left, "ID", text(item, "id")));
    cJSON_Delete(json);
    cJSON_Delete(answer);
}

static void test_rebuild_imports_the_cache(void **state)
{
    struct buf out = {0};
    (void)state;
    assert_int_equal(0, lab_bilge(lab, WORDS("build", "ruby-worker"), &out));
    assert_non_null(strstr(out.data, "CACHED")); /* the records are gone, the local cache is not */
    assert_true(lab_has_cache(lab, "ruby-worker"));
    buf_done(&out);
}

static void test_a_failing_build(void **state)
{
    (void)state;
    char *dockerfile = file_read(lab->project, "ruby-worker/Dockerfile", NULL);
    file_write_text(lab->project, "ruby-worker/Dockerfile", "FROM local/base:1\nRUN false\n");
    assert_int_equal(1, lab_bilge(lab, WORDS("build", "ruby-worker"), NULL));
    file_write_text(lab->project, "ruby-worker/Dockerfile", dockerfile);
    free(dockerfile);
}

static void test_engine_is_away(void **state)
{
    int status;
    (void)state;
    lab_engine(lab, "kill-daemon");
    cJSON *json = lab_bilge_json(lab, WORDS("status", "--json"), &status);
    lab_engine(lab, "start-daemon");
    const cJSON *builder = cJSON_GetArrayItem(member(json, "builders"), 0);
    assert_non_null(builder);
    assert_true(cJSON_IsFalse(member(builder, "reachable")));
    assert_true(strlen(text(builder, "error")) > 0);
    const cJSON *service = named(member(json, "services"), "name", "orchestration");
    assert_int_equal(lab_du(lab, "orchestration"), number(service, "size"));
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_status_agrees_with_du),
        cmocka_unit_test(test_records_agree_with_the_engine),
        cmocka_unit_test(test_dry_run_touches_nothing),
        cmocka_unit_test(test_prune_a_service),
        cmocka_unit_test(test_rebuild_after_a_prune),
        cmocka_unit_test(test_nothing_is_that_old),
        cmocka_unit_test(test_prune_records_by_age),
        cmocka_unit_test(test_rebuild_imports_the_cache),
        cmocka_unit_test(test_a_failing_build),
        cmocka_unit_test(test_engine_is_away),
    };
    lab = lab_new();
    if (lab == NULL) {
        printf("1..0 # SKIP no private engine\n");
        return 0;
    }
    limit_program(600);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lab_free(lab);
    return failed;
}
