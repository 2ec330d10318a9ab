#include "tui/places.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "tui/format.h"

static void forget(struct places *places)
{
    for (size_t i = 0; i < places->len; i++) {
        struct place *place = &places->rows[i];
        for (size_t k = 0; k < PLACE_CELLS; k++)
            free(place->cells[k]);
        free(place->id);
        free(place->name);
        free(place->detail);
    }
    places->len = 0;
}

static char *clean(const char *text)
{
    struct buf buf = {0};
    text_clean(&buf, text, strlen(text));
    return buf_take(&buf);
}

/* Takes the id. */
static struct place *add(struct places *places, char *id, const char *name)
{
    mem_reserve((void **)&places->rows, &places->cap, places->len + 1, sizeof *places->rows);
    struct place *place = &places->rows[places->len++];
    *place = (struct place){.id = id, .name = mem_strdup(name), .style = STYLE_NORMAL};
    return place;
}

/* Takes `label`, `what` and `detail`, which may be anything a tool has said. */
static void fill_place(struct place *place, char *label, const char *kind, const char *state,
                       char *what, char *detail)
{
    place->cells[PLACE_NAME] = clean(label);
    place->cells[PLACE_KIND] = clean(kind);
    place->cells[PLACE_STATE] = clean(state);
    place->cells[PLACE_WHAT] = clean(what);
    place->detail = clean(detail);
    free(label);
    free(what);
    free(detail);
}

static char *node_detail(const struct builder *builder, const struct builder_node *node)
{
    struct buf text = {0};
    buf_printf(&text, "node %s of builder %s", node->name, builder->name);
    if (node->error != NULL)
        buf_printf(&text, ": %s", node->error);
    if (node->version[0] != '\0')
        buf_printf(&text, ", BuildKit %s", node->version);
    if (node->endpoint[0] != '\0')
        buf_printf(&text, ", at %s", node->endpoint);
    if (node->platforms[0] != '\0')
        buf_printf(&text, ", for %s", node->platforms);
    return buf_take(&text);
}

static void add_node(struct places *places, const struct builder *builder,
                     const struct builder_node *node)
{
    struct place *place =
        add(places, mem_printf("node %s/%s", builder->id, node->name), builder->id);
    place->is_builder = true;
    place->style = node->error != NULL ? STYLE_WARN : STYLE_DIM;
    fill_place(place, mem_printf("  %s", node->name), "node",
               node->error != NULL ? "error" : node->status,
               mem_strdup(node->error != NULL ? node->error : node->endpoint),
               node_detail(builder, node));
}

static char *builder_holds(const struct builder *builder)
{
    char size[TEXT_SIZE_SIZE];
    if (!builder->reachable)
        return mem_strdup(builder->error != NULL ? builder->error : "no answer yet");
    return mem_printf("%zu record%s, %s", builder->records.len, format_plural(builder->records.len),
                      text_size(size, builder->records.size_bytes));
}

static void add_builder(struct places *places, const struct builder *builder)
{
    struct place *place = add(places, mem_printf("builder %s", builder->id), builder->id);
    /* buildx has no driver for a context whose engine does not answer. */
    bool named = builder->driver != NULL && builder->driver[0] != '\0';
    const char *driver = named ? builder->driver : "docker";
    char *holds = builder_holds(builder);
    place->is_builder = true;
    place->style = builder->reachable ? STYLE_NORMAL : STYLE_WARN;
    fill_place(place, mem_printf("%s%s", builder->name, builder->selected ? " *" : ""), driver,
               builder->reachable         ? "answers"
               : builder->error != NULL ? "error"
                                        : "asking",
               mem_strdup(holds),
               mem_printf("builder %s, driver %s%s%s: %s", builder->name, driver,
                          builder->version != NULL ? " " : "",
                          builder->version != NULL ? builder->version : "", holds));
    free(holds);
    for (size_t i = 0; i < builder->nodes_len; i++)
        add_node(places, builder, &builder->nodes[i]);
}

static void add_context(struct places *places, const struct docker_context *context)
{
    struct place *place = add(places, mem_printf("context %s", context->name), context->name);
    bool described = context->description[0] != '\0';
    fill_place(place, mem_printf("%s%s", context->name, context->current ? " *" : ""), "context",
               context->current ? "in use" : "", mem_strdup(context->host),
               mem_printf("context %s, at %s%s%s", context->name, context->host,
                          described ? ": " : "", context->description));
}

void places_fill(struct places *places, const struct store *store)
{
    forget(places);
    for (size_t i = 0; i < store->builders_len; i++)
        add_builder(places, &store->builders[i]);
    for (size_t i = 0; i < store->contexts_len; i++)
        add_context(places, &store->contexts[i]);
}

void places_done(struct places *places)
{
    forget(places);
    free(places->rows);
    *places = (struct places){0};
}
