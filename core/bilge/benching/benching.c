#include "core/bilge/benching/benching_private.h"

#include "core/base/clock.h"
#include "core/bilge/engines/engines.h"

void benching_fail(struct benching *benching, const struct err *err)
{
    if (benching->bench->err.code == 0)
        benching->bench->err = *err;
    benching->ending = benching->round_over = true;
}

/* ------------------------------------------------------------------ the phases */

void benching_look(struct bilge *bilge)
{
    bilge->benching->phase = BENCHING_LOOK;
    engines_refresh_for_request(bilge, bilge->benching->bench->builder);
    bilge_wake(bilge);
}

static void next_or_last(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (benching->ending || benching->bench->next == bench_steps(benching->bench)) {
        benching->phase = BENCHING_SWEEP;
        benching->ending = true;
        benching_sweep(bilge, true);
        return;
    }
    benching->bench->state = BENCH_RUNNING;
    benching->phase = BENCHING_STAGE;
    benching_set_stage(bilge);
}

static void clean(struct bilge *bilge)
{
    bilge->benching->bench->state = BENCH_CLEANING;
    bilge->benching->phase = BENCHING_IMAGES;
    benching_remove_images(bilge);
}

static void find_leftovers(struct bilge *bilge)
{
    bilge->benching->bench->state = BENCH_CLEANING;
    bilge->benching->phase = BENCHING_LEFTOVERS;
    benching_find_leftovers(bilge);
}

static void after_look(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    const struct builder *builder = store_builder(bilge->store, benching->bench->builder);
    bool first = !benching->knows;
    if (first) {
        benching->knows = true;
        if (builder != NULL)
            traces_know(benching->traces, &builder->records);
    }
    if (first && benching->bench->leftovers_len > 0 && !benching->ending)
        find_leftovers(bilge);
    else if (benching->round_over)
        clean(bilge);
    else
        next_or_last(bilge);
}

static void finish(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    benching->phase = BENCHING_IDLE;
    benching->bench->state = BENCH_OVER;
    benching->bench->ended_at = clock_now();
    bilge_moved(bilge);
    benching->ops.on_over(benching->arg);
}

void benching_go_on(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (bilge->closing)
        return;
    switch (benching->phase) {
    case BENCHING_STAGE:
        if (benching->ending)
            benching_look(bilge);
        else
            benching_build(bilge);
        break;
    case BENCHING_BUILD:
        benching_look(bilge);
        break;
    case BENCHING_LEFTOVERS:
        clean(bilge);
        break;
    case BENCHING_IMAGES:
        benching->phase = BENCHING_PLAN;
        benching->plan_tries = benching->waits = 0;
        benching_plan(bilge);
        break;
    case BENCHING_PLAN:
        benching->phase = BENCHING_SWEEP;
        benching_sweep(bilge, benching->ending);
        break;
    case BENCHING_SWEEP:
        benching->round_over = false;
        if (benching->ending)
            finish(bilge);
        else
            next_or_last(bilge);
        break;
    default:
        break;
    }
    bilge_moved(bilge);
}

/* What is waited for without a callback of its own. */
void benching_step(struct bilge *bilge)
{
    struct benching *benching = bilge->benching;
    if (benching == NULL)
        return;
    const struct build *build = benching->phase == BENCHING_BUILD
                                    ? store_build(bilge->store, benching->bench->build_id)
                                    : NULL;
    if (build != NULL && build_is_over(build)) {
        benching_build_over(bilge, build);
    } else if (benching->phase == BENCHING_LOOK && !engines_waited_for(bilge)) {
        after_look(bilge);
    } else if (benching->phase == BENCHING_SETTLE &&
               !uv_is_active((uv_handle_t *)&bilge->benching_timer) && !engines_waited_for(bilge)) {
        benching->phase = BENCHING_PLAN;
        benching_plan(bilge);
    } else if (benching->phase == BENCHING_PRUNE && bilge->pruning == NULL &&
               bilge->store->prune.state == PRUNE_OVER) {
        benching_count_prune(bilge);
        benching->phase = BENCHING_PLAN;
        benching_go_on(bilge);
    }
}
