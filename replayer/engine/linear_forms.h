/* What is known of the values in a block's temporaries: each is an origin plus a constant. Two addresses of
 * the same origin differ by a constant, so one of them tells the other. */
#ifndef PANDA_REPLAYER_ENGINE_LINEAR_FORMS_H
#define PANDA_REPLAYER_ENGINE_LINEAR_FORMS_H

#include "trace/record_layout.h"

/* A value: (origin + offset) modulo 2^64 or, if narrow, modulo 2^32 and extended with zeros. */
typedef struct LinearForm {
    uint32_t origin; /* 0: none, the value is the offset */
    bool narrow;
    bool low_half; /* only the low 32 bits are as said */
    int64_t offset;
} LinearForm;

typedef struct LinearForms LinearForms;

/* The value of a followed register (trace/record_layout.h) at the block's start. These are the first
 * origins. */
static inline uint32_t followed_origin(unsigned which) {
    return 1 + which;
}

LinearForms* linear_forms_new(void);
/* Follows the operations of one block from its start on. */
void linear_forms_start(LinearForms* forms);
/* Call it for each operation, in order, after you have asked for what the operation uses. */
void linear_forms_step(LinearForms* forms, const TCGOp* op);
LinearForm linear_form_of(LinearForms* forms, TCGTemp* temp);
/* The form of a followed register now. */
LinearForm linear_form_of_followed(LinearForms* forms, unsigned which);
/* The form of a followed register where the block is left. Call it after the last operation. If the ways out
 * differ, its origin is a new one. */
LinearForm linear_form_at_exit(LinearForms* forms, unsigned which);
/* TCG's global for a followed register. */
TCGTemp* followed_global(unsigned which);

#endif
