#include "core/prune/claims.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

#define NAMES_COLUMNS 80

/* Rows that share a name are one service to the records: it is meant when all
 * of its rows are. */
static bool *find_meant(const struct planner *planner, const struct owners *owners)
{
    bool *meant = mem_zalloc(owners->services_len + 1);
    for (size_t i = 0; i < owners->services_len; i++) {
        size_t rows = 0, chosen = 0;
        for (size_t j = 0; j < planner->store->services_len; j++) {
            const struct service *row = &planner->store->services[j];
            if (row->name == NULL || strcmp(row->name, owners->services[i]) != 0)
                continue;
            rows++;
            chosen += planner->chosen[j];
        }
        meant[i] = rows > 0 && rows == chosen;
    }
    return meant;
}

/* The services' names, clean; NULL when there are none. */
static char *name_others(const struct claims *claims, size_t index,
                         bool (*has)(const struct owners *, size_t, size_t))
{
    const struct owners *owners = claims->owners;
    struct buf others = {0};
    for (size_t i = 0; i < owners->services_len; i++)
        if (!claims->meant[i] && has(owners, index, i))
            buf_printf(&others, "%s%s", others.len > 0 ? ", " : "", owners->services[i]);
    char *names = others.len > 0 ? text_shorten(others.data, NAMES_COLUMNS) : NULL;
    buf_done(&others);
    return names;
}

static bool is_meant(const struct claims *claims, size_t index,
                     bool (*has)(const struct owners *, size_t, size_t))
{
    const struct owners *owners = claims->owners;
    bool meant = false;
    for (size_t i = 0; index < owners->len && i < owners->services_len && !meant; i++)
        meant = claims->meant[i] && has(owners, index, i);
    return meant;
}

/* Why a record of the services does not go with them; NULL: nothing speaks
 * against it. */
static char *why_withheld(const struct claims *claims, size_t index, bool sure)
{
    const struct query *query = claims->query;
    char *others = query->others ? NULL : name_others(claims, index, owners_has);
    char *perhaps = query->others ? NULL : name_others(claims, index, owners_may_have);
    char *reason = NULL;
    if (others != NULL)
        reason = mem_printf("also used by %s", others);
    else if (perhaps != NULL)
        reason = mem_printf("perhaps also used by %s, which has the same step", perhaps);
    else if (!sure && !query->guesses)
        reason = mem_strdup("perhaps of this service, but only its text says so");
    free(others);
    free(perhaps);
    return reason;
}

bool claims_hold(const struct claims *claims, size_t index, char **ret_withheld)
{
    *ret_withheld = NULL;
    if (claims->query->services_len == 0)
        return true;
    bool sure = is_meant(claims, index, owners_has);
    if (!sure && !is_meant(claims, index, owners_may_have))
        return false;
    *ret_withheld = why_withheld(claims, index, sure);
    return true;
}

void claims_init(struct claims *claims, const struct planner *planner,
                 const struct builder *builder)
{
    *claims = (struct claims){
        .query = planner->query,
        .owners = &builder->owners,
        .meant = find_meant(planner, &builder->owners),
    };
}

void claims_done(struct claims *claims)
{
    free(claims->meant);
}
