/* What a plan says of records: their names, what is lost, docker's own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/limit.h"
#include "tests/support/plan_world.h"

static void test_descriptions_are_clean_and_cut(void **state)
{
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = plan_world_records(-1);
    char *flood = mem_alloc(100001);
    (void)state;
    memset(flood, 'x', 100000);
    flood[100000] = '\0';
    mem_replace(&plan_world_record(builder, "evil", NULL, 5)->description, "RUN \x1b]0;hi\a\nrm");
    mem_replace(&plan_world_record(builder, "long", NULL, 5)->description, flood);
    mem_replace(&plan_world_record(builder, "none", NULL, 5)->description, "");
    struct plan *plan = plan_world_make(store, &query);
    for (size_t i = 0; i < plan->items_len; i++) {
        assert_true(strlen(plan->items[i].title) <= 400);
        for (const char *at = plan->items[i].title; *at != '\0'; at++)
            assert_true((unsigned char)*at >= 0x20);
    }
    assert_string_equal(plan_world_item(plan, "none")->title, "a layer of a base image");
    plan_free(plan);
    free(flood);
    store_free(store);
}

static void test_names(void **state)
{
    static const struct {
        const char *type, *description, *name;
    } table[] = {
        {"regular", "mount / from exec /bin/sh -c make   all &&\n    make install",
         "RUN make all && make install"},
        {"regular", "mount / from exec echo exec form", "RUN echo exec form"},
        {"regular", "[builder 3/6] COPY src/Cargo.toml ./", "[builder 3/6] COPY src/Cargo.toml ./"},
        {"exec.cachemount",
         "cached mount /app/target from exec /bin/sh -c cargo build with id \"/t\"",
         "cache mount /app/target of RUN cargo build with id \"/t\""},
        {"exec.cachemount", "cached mount /odd", "cache mount /odd"},
        {"source.local", "", "a source.local record"},
        {"regular", "imported sha256:0123456789abcdef0123456789abcdef",
         "a step imported from a cache (sha256:0123456789ab)"},
        {"regular", "mount / from exec ", "RUN "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct store *store = store_new();
        struct query query = plan_world_records(-1);
        struct record *record =
            plan_world_record(plan_world_builder(store, "default"), "x", NULL, 5);
        mem_replace(&record->type, table[i].type);
        mem_replace(&record->description, table[i].description);
        struct plan *plan = plan_world_make(store, &query);
        assert_string_equal(plan->items[0].title, table[i].name);
        plan_free(plan);
        store_free(store);
    }
}

static void test_an_imported_step_is_named_by_what_is_remembered(void **state)
{
    struct store *store = store_new();
    struct query query = plan_world_records(-1);
    struct record *record = plan_world_record(plan_world_builder(store, "default"), "x", NULL, 5);
    struct layer_text *text = mem_alloc(sizeof *text);
    (void)state;
    mem_replace(&record->description, "imported sha256:0123");
    *text =
        (struct layer_text){record->created_at, mem_strdup("mount / from exec /bin/sh -c make")};
    store_set_layer_texts(store, text, 1);
    struct plan *plan = plan_world_make(store, &query);
    assert_string_equal(plan->items[0].title, "RUN make");
    assert_string_equal(plan->items[0].loses, "this step runs again: RUN make");
    plan_free(plan);
    store_free(store);
}

static void test_docker_command(void **state)
{
    struct store *store = plan_world_chain(2, 5, 5);
    struct query query = plan_world_records(-1);
    (void)state;
    struct plan *plan = plan_world_make(store, &query);
    char *command = plan_docker_command(plan);
    assert_string_equal(command, "docker builder prune --filter 'id=^(r1|r0)$'");
    free(command);
    plan->items[0].needs_all = true;
    mem_replace(&plan->items[0].builder, "work");
    mem_replace(&plan->items[1].builder, "box");
    plan->items[1].embedded = false;
    command = plan_docker_command(plan);
    assert_string_equal(command, "docker --context work builder prune --all --filter 'id=^(r1)$'\n"
                                 "docker buildx prune --builder box --filter 'id=^(r0)$'");
    free(command);
    mem_replace(&plan->items[0].id, "a'; rm -rf /");
    assert_null(plan_docker_command(plan));
    mem_replace(&plan->items[0].id, ".*");
    assert_null(plan_docker_command(plan));
    plan_free(plan);
    plan = mem_zalloc(sizeof *plan);
    assert_null(plan_docker_command(plan));
    plan_free(plan);
    store_free(store);
}

/* What a step took when it last ran, which the history knows by the step's
 * name as a build's output tells it. */
/* Only where any record that goes takes all steps with it, and one does go. */
static void test_an_engine_that_forgets_its_steps(void **state)
{
    static const struct {
        bool containerd_store, embedded, forgets;
    } cases[] = {{true, true, true}, {false, true, false}, {true, false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = plan_world_chain(1, PLAN_DAY, PLAN_DAY);
        struct query query = plan_world_records(-1);
        store->builders[0].containerd_store = cases[i].containerd_store;
        store->builders[0].embedded = cases[i].embedded;
        struct plan *plan = plan_world_make(store, &query);
        assert_int_equal(plan->items_len, 1);
        assert_int_equal(plan_forgets_steps(plan), cases[i].forgets);
        plan_drop(plan, 0);
        assert_false(plan_forgets_steps(plan));
        plan_free(plan);
        store_free(store);
    }
}

static void test_losses_are_timed(void **state)
{
    static const struct {
        const char *description, *loses;
        bool timed;
        double rebuild_s;
    } cases[] = {
        {"mount / from exec /bin/sh -c make it", "this step runs again: RUN make it (took 41 s)",
         true, 41},
        {"[builder 4/6] COPY src .", "this step runs again: [builder 4/6] COPY src . (took 0.3 s)",
         true, 0.3},
        {"mount / from exec /bin/sh -c make that", "this step runs again: RUN make that", false,
         1.00001},
        {"", "the next build unpacks this layer of a base image again", false, 0.000005},
    };
    struct store *store = store_new();
    struct builder *builder = plan_world_builder(store, "default");
    struct query query = plan_world_records(-1);
    char id[2] = "a";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++, id[0]++)
        mem_replace(&plan_world_record(builder, id, NULL, 60)->description, cases[i].description);
    struct history_step_time *times = mem_alloc(2 * sizeof *times);
    times[0] = (struct history_step_time){mem_strdup("COPY src ."), 300};
    times[1] =
        (struct history_step_time){mem_strdup("RUN --mount=type=cache,target=/t make it"), 41000};
    store_set_step_times(store, times, 2);
    struct plan *plan = plan_world_make(store, &query);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        id[0] = (char)('a' + i);
        const struct plan_item *item = plan_world_item(plan, id);
        assert_string_equal(item->loses, cases[i].loses);
        assert_int_equal(item->timed, cases[i].timed);
        assert_true(item->rebuild_s > cases[i].rebuild_s * 0.999 &&
                    item->rebuild_s < cases[i].rebuild_s * 1.001);
    }
    plan_free(plan);
    store_free(store);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptions_are_clean_and_cut),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_an_imported_step_is_named_by_what_is_remembered),
        cmocka_unit_test(test_docker_command),
        cmocka_unit_test(test_an_engine_that_forgets_its_steps),
        cmocka_unit_test(test_losses_are_timed),
    };
    limit_program(60);
    return cmocka_run_group_tests_name("plan of records", tests, NULL, NULL);
}
