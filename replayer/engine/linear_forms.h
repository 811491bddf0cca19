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

/* Of a followed register (trace/record_layout.h): its value at the block's begin. These are the first
 * origins. */
static inline uint32_t followed_origin(unsigned which) {
    return 1 + which;
}

LinearForms* linear_forms_new(void);
/* Follows the operations of one block from its begin on. */
void linear_forms_start(LinearForms* forms);
/* Call for each operation, in order, after asking for what it uses. */
void linear_forms_step(LinearForms* forms, const TCGOp* op);
LinearForm linear_form_of(LinearForms* forms, TCGTemp* temp);
/* Of a followed register, now. */
LinearForm linear_form_of_followed(LinearForms* forms, unsigned which);
/* Where the block was left, after its last operation; of no origin known before if its ways out differ. */
LinearForm linear_form_at_exit(LinearForms* forms, unsigned which);
/* The global that it is. */
TCGTemp* followed_global(unsigned which);

#endif
