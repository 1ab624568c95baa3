/* A known way past the gate, kept for the tests of what has to notice one (tests/system/
 * test_witness.py): linked with --wrap=judge_execute, each execution of a prepared statement
 * passes, whatever the policy says by then. Never part of silogate: `make
 * build/tests/harness/silogate-stale`.
 */
#include "judge/judge.h"

void __real_judge_execute(const struct belief *belief, const struct binding *binding,
                          const struct prepared *prepared, bool executes, struct ruling *ruling);
void __wrap_judge_execute(const struct belief *belief, const struct binding *binding,
                          const struct prepared *prepared, bool executes, struct ruling *ruling);

void __wrap_judge_execute(const struct belief *belief, const struct binding *binding,
                          const struct prepared *prepared, bool executes, struct ruling *ruling)
{
    __real_judge_execute(belief, binding, prepared, executes, ruling);
    if (ruling->outcome == RULING_REFUSE) {
        ruling->outcome = RULING_ALLOW;
        ruling->violation_count = 0;
    }
}
