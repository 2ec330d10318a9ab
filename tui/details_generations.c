/* The exports of a cache over time, one of them under the cursor. */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "tui/details_pages.h"
#include "tui/format.h"

enum { LISTED_MAX = 200, WIDE_COLS = 74 };

uint32_t details_generation(const struct cache *cache, const struct digest *chosen)
{
    uint32_t best = CACHE_NONE;
    for (uint32_t i = 0; i < cache->generations_len; i++) {
        const struct cache_generation *generation = &cache->generations[i];
        if (chosen != NULL && digest_equal(&generation->manifest, chosen))
            return i;
        if (generation->live || !generation->whole)
            continue;
        if (best == CACHE_NONE || (generation->fuller && !cache->generations[best].fuller))
            best = i;
    }
    return best != CACHE_NONE || cache->generations_len == 0 ? best : 0;
}

static const char *state_of(const struct cache_generation *generation, enum style *ret_style)
{
    *ret_style = STYLE_BAD;
    if (!generation->whole)
        return generation->live ? "live, not whole" : "not whole";
    *ret_style = STYLE_WARN;
    if (generation->shrunken)
        return "live, shrunken";
    if (generation->fuller)
        return "superseded by a shrunken one";
    *ret_style = generation->live ? STYLE_GOOD : STYLE_NORMAL;
    return generation->live ? "live" : "superseded";
}

static void add_row(struct page *page, const struct app *app,
                    const struct cache_generation *generation, bool current)
{
    char hex[DIGEST_HEX_SIZE], age[FORMAT_SIZE], reach[TEXT_SIZE_SIZE], own[TEXT_SIZE_SIZE];
    char at[CLOCK_TEXT_SIZE];
    enum style style;
    const char *state = state_of(generation, &style);
    const char *tag = generation->tag != NULL ? generation->tag : "";
    const char *cursor = current ? app_theme(app)->glyphs->cursor : " ";
    digest_hex(hex, &generation->manifest);
    format_age(age, generation->exported_at, app_now(app));
    text_size(reach, generation->reach_bytes);
    text_size(own, generation->unique_bytes);
    if (page->width >= WIDE_COLS)
        page_add(page, style, "%s %.12s  %.16sZ %5s %8s %8s  %s%s%s", cursor, hex,
                 clock_rfc3339(at, generation->exported_at), age, reach, own, state,
                 *tag != '\0' ? ", tag " : "", tag);
    else
        page_add(page, style, "%s %.7s %5s %8s  %s", cursor, hex, age, reach, state);
}

size_t details_add_generations(struct page *page, const struct app *app, const struct cache *cache,
                               uint32_t current)
{
    size_t line = 0;
    page_title(page, "Exports");
    if (cache->generations_len == 0)
        page_add(page, STYLE_DIM, "none");
    else if (page->width >= WIDE_COLS)
        page_add(page, STYLE_DIM, "  %-12s  %-17s %5s %8s %8s  %s", "EXPORT", "DATE", "AGE",
                 "REACHES", "ALONE", "STATE");
    else
        page_add(page, STYLE_DIM, "  %-7s %5s %8s  %s", "EXPORT", "AGE", "REACHES", "STATE");
    for (size_t i = 0; i < cache->generations_len && i < LISTED_MAX; i++) {
        if (i == current)
            line = page_len(page);
        add_row(page, app, &cache->generations[i], i == current);
    }
    if (cache->generations_len > LISTED_MAX)
        page_add(page, STYLE_DIM, "and %zu more", cache->generations_len - LISTED_MAX);
    return line;
}

void details_add_shrunken(struct page *page, const struct cache *cache)
{
    uint32_t fuller;
    size_t lost = cache_lost_layers(cache, &fuller);
    char hex[DIGEST_HEX_SIZE];
    if (lost > 0)
        page_field(page, "Shrunken", STYLE_WARN,
                   "this export lost %zu layer%s of the one before (%.12s), so the next build "
                   "runs again what it had; R restores it",
                   lost, lost == 1 ? "" : "s",
                   digest_hex(hex, &cache->generations[fuller].manifest));
}
