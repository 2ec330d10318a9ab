/* The chosen set frees enough, holds what its items need, and is nearly as cheap
 * as the best that trying all sets finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/prune/cheapest.h"
#include "tests/support/limit.h"

#define MAX_NEEDS 3

struct problem {
    struct choice *choices;
    size_t *needs;
    size_t len;
    int64_t target;
};

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Every item may need a few of the items before it. */
static struct problem random_problem(unsigned *seed, size_t len)
{
    struct problem problem = {.len = len};
    int64_t total = 0;
    problem.choices = mem_zalloc(len * sizeof *problem.choices);
    problem.needs = mem_alloc(len * MAX_NEEDS * sizeof *problem.needs);
    for (size_t i = 0; i < len; i++) {
        struct choice *choice = &problem.choices[i];
        choice->frees_bytes = next_random(seed) % 1000;
        choice->loss = next_random(seed) % 4 == 0 ? 0 : next_random(seed) % 100;
        choice->needs = problem.needs + i * MAX_NEEDS;
        choice->needs_len = i == 0 || next_random(seed) % 2 ? 0 : next_random(seed) % MAX_NEEDS;
        for (size_t j = 0; j < choice->needs_len; j++)
            problem.needs[i * MAX_NEEDS + j] = next_random(seed) % i;
        total += choice->frees_bytes;
    }
    problem.target = total > 0 ? next_random(seed) % (total + total / 8) : 0;
    return problem;
}

static void problem_done(struct problem *problem)
{
    free(problem->choices);
    free(problem->needs);
}

static bool is_closed(const struct problem *problem, const bool *taken)
{
    for (size_t i = 0; i < problem->len; i++)
        for (size_t j = 0; taken[i] && j < problem->choices[i].needs_len; j++)
            if (!taken[problem->choices[i].needs[j]])
                return false;
    return true;
}

static void add_up(const struct problem *problem, const bool *taken, int64_t *ret_bytes,
                   double *ret_loss)
{
    *ret_bytes = 0;
    *ret_loss = 0;
    for (size_t i = 0; i < problem->len; i++)
        if (taken[i]) {
            *ret_bytes += problem->choices[i].frees_bytes;
            *ret_loss += problem->choices[i].loss;
        }
}

/* The least loss of all sets; negative when none reaches the target. */
static double brute_force(const struct problem *problem)
{
    double best = -1;
    bool taken[16];
    for (unsigned set = 0; set < 1u << problem->len; set++) {
        int64_t bytes;
        double loss;
        for (size_t i = 0; i < problem->len; i++)
            taken[i] = set >> i & 1;
        add_up(problem, taken, &bytes, &loss);
        if (bytes >= problem->target && (best < 0 || loss < best) && is_closed(problem, taken))
            best = loss;
    }
    return best;
}

static void small_sets_cost_within_two_percent_of_the_best(void **state)
{
    (void)state;
    unsigned seed = 1;
    double sum = 0, best_sum = 0;
    for (int round = 0; round < 400; round++) {
        struct problem problem = random_problem(&seed, 1 + next_random(&seed) % 13);
        bool taken[16], again[16];
        int64_t bytes;
        double loss, best = brute_force(&problem);
        bool reached = choose_cheapest(problem.choices, problem.len, problem.target, taken);
        add_up(&problem, taken, &bytes, &loss);
        assert_true(is_closed(&problem, taken));
        assert_int_equal(best >= 0, reached);
        if (reached) {
            assert_true(bytes >= problem.target);
            sum += loss;
            best_sum += best;
        }
        choose_cheapest(problem.choices, problem.len, problem.target, again);
        assert_memory_equal(taken, again, problem.len);
        problem_done(&problem);
    }
    assert_true(best_sum > 0);
    assert_true(sum <= best_sum * 1.02);
}

static void two_thousand_items_reach_the_target(void **state)
{
    (void)state;
    unsigned seed = 5;
    struct problem problem = random_problem(&seed, 2000);
    bool *taken = mem_alloc(problem.len);
    problem.target = 300000;
    int64_t bytes;
    double loss;
    assert_true(choose_cheapest(problem.choices, problem.len, problem.target, taken));
    add_up(&problem, taken, &bytes, &loss);
    assert_true(is_closed(&problem, taken));
    assert_true(bytes >= problem.target);
    /* Nothing in it is there for nothing. */
    for (size_t i = 0; i < problem.len; i++) {
        if (!taken[i] || problem.choices[i].loss == 0)
            continue;
        taken[i] = false;
        assert_true(!is_closed(&problem, taken) ||
                    bytes - problem.choices[i].frees_bytes < problem.target);
        taken[i] = true;
    }
    free(taken);
    problem_done(&problem);
}

static void a_chain_goes_leaf_first_and_only_as_far_as_needed(void **state)
{
    (void)state;
    static const size_t needs[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct choice chain[10];
    bool taken[10];
    for (size_t i = 0; i < 10; i++)
        chain[i] = (struct choice){100, 1, i > 0 ? &needs[i - 1] : NULL, i > 0};
    assert_true(choose_cheapest(chain, 10, 250, taken));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(i < 3, taken[i]);
}

static void a_long_chain_is_no_deep_recursion(void **state)
{
    (void)state;
    const size_t len = 20000;
    struct choice *chain = mem_alloc(len * sizeof *chain);
    size_t *needs = mem_alloc(len * sizeof *needs);
    bool *taken = mem_alloc(len);
    for (size_t i = 0; i < len; i++) {
        needs[i] = i + 1; /* the last one goes first */
        chain[i] = (struct choice){1, 1, &needs[i], i + 1 < len};
    }
    assert_true(choose_cheapest(chain, len, 10, taken));
    for (size_t i = 0; i < len; i++)
        assert_int_equal(i >= len - 10, taken[i]);
    assert_true(choose_cheapest(chain, len, (int64_t)len - 10, taken));
    for (size_t i = 0; i < len; i++)
        assert_int_equal(i >= 10, taken[i]);
    free(chain);
    free(needs);
    free(taken);
}

static void what_needs_itself_is_never_taken(void **state)
{
    (void)state;
    static const size_t one = 1, zero = 0;
    const struct choice circle[] = {
        {1000, 0, &one, 1}, {1000, 0, &zero, 1}, {1000, 0, &zero, 1}, {10, 5, NULL, 0}};
    bool taken[4];
    assert_true(choose_cheapest(circle, 4, 10, taken));
    assert_true(!taken[0] && !taken[1] && !taken[2] && taken[3]);
    assert_false(choose_cheapest(circle, 4, 11, taken));
    assert_true(!taken[0] && !taken[1] && !taken[2] && taken[3]);
}

static void the_edges(void **state)
{
    (void)state;
    const struct choice one[] = {{0, 0, NULL, 0}};
    bool taken[1] = {true};
    assert_true(choose_cheapest(NULL, 0, 0, taken));
    assert_false(choose_cheapest(NULL, 0, 1, taken));
    assert_true(choose_cheapest(one, 1, 0, taken));
    assert_false(taken[0]);
    assert_false(choose_cheapest(one, 1, 1, taken));
    assert_false(taken[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_sets_cost_within_two_percent_of_the_best),
        cmocka_unit_test(two_thousand_items_reach_the_target),
        cmocka_unit_test(a_chain_goes_leaf_first_and_only_as_far_as_needed),
        cmocka_unit_test(a_long_chain_is_no_deep_recursion),
        cmocka_unit_test(what_needs_itself_is_never_taken),
        cmocka_unit_test(the_edges),
    };
    limit_program(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
