

#include "core/app/lanes.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/app/hub.h"
#include "core/base/mem.h"

#define TURN_MS 500
/* From when on a lane hangs. */
#define SILENT_SCREEN_MS 4000
#define SILENT_COMMAND_MS 10000
/* While something is deleted, linked or repaired: a large file may take long to go. */
#define SILENT_CHANGE_MS 30000
/* While closing. */
#define CLOSING_TURN_MS 100
#define CLOSING_SILENT_MS 2000

struct lanes {
    struct hub *hub;
    bool watching;
    lanes_look_cb *on_look;
    void *arg;
    struct lane **items; /* the first: the common one */
    size_t len, cap;
    int changes; /* under way */
    uv_timer_t timer;
};

static bool are_idle(const struct lanes *lanes)
{
    bool idle = true;
    for (size_t i = 0; i < lanes->len; i++)
        idle &= lane_is_idle(lanes->items[i]);
    return idle;
}

static void on_timer(uv_timer_t *timer)
{
    struct lanes *lanes = timer->data;
    if (hub_is_closing(lanes->hub)) {
        hub_rest(lanes->hub);
        return;
    }
    bool wanted = lanes->on_look(lanes->arg);
    if (!wanted && are_idle(lanes))
        uv_timer_stop(timer);
}

static void on_turn(void *arg, bool busy)
{
    struct lanes *lanes = arg;
    if (hub_is_closing(lanes->hub))
        hub_rest(lanes->hub);
    else if (busy && !uv_is_active((uv_handle_t *)&lanes->timer))
        uv_timer_start(&lanes->timer, on_timer, TURN_MS, TURN_MS);
}

struct lanes *lanes_new(struct hub *hub, bool watching, lanes_look_cb *on_look, void *arg)
{
    struct lanes *lanes = mem_zalloc(sizeof *lanes);
    lanes->hub = hub;
    lanes->watching = watching;
    lanes->on_look = on_look;
    lanes->arg = arg;
    hub_timer_init(hub, &lanes->timer, lanes);
    lanes_add(lanes);
    return lanes;
}

void lanes_close(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->len; i++)
        lane_close(lanes->items[i]);
    hub_timer_close(lanes->hub, &lanes->timer);
}

void lanes_free(struct lanes *lanes)
{
    free(lanes->items);
    free(lanes);
}

struct lane *lanes_common(const struct lanes *lanes)
{
    return lanes->items[0];
}

struct lane *lanes_add(struct lanes *lanes)
{
    mem_reserve((void **)&lanes->items, &lanes->cap, lanes->len + 1, sizeof *lanes->items);
    return lanes->items[lanes->len++] = lane_new(hub_loop(lanes->hub), on_turn, lanes);
}

bool lanes_hang(const struct lanes *lanes, struct lane *lane)
{
    int64_t patience = lanes->changes > 0           ? SILENT_CHANGE_MS
                       : hub_is_closing(lanes->hub) ? CLOSING_SILENT_MS
                       : lanes->watching            ? SILENT_SCREEN_MS
                                                    : SILENT_COMMAND_MS;
    return lane_silent_ms(lane) >= patience;
}

bool lanes_still_hang(const struct lanes *lanes, struct lane *lane)
{
    return lanes_hang(lanes, lane) || lane_silent_ms(lane) >= SILENT_SCREEN_MS;
}

void lanes_begin_change(struct lanes *lanes)
{
    lanes->changes++;
}

void lanes_end_change(struct lanes *lanes)
{
    lanes->changes--;
}

bool lanes_at_rest(struct lanes *lanes)
{
    bool rest = true;
    for (size_t i = 0; i < lanes->len; i++)
        rest &= lane_is_idle(lanes->items[i]) || lanes_hang(lanes, lanes->items[i]);
    if (!rest)
        uv_timer_start(&lanes->timer, on_timer, CLOSING_TURN_MS, 0);
    return rest;
}
