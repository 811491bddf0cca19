/* What is known of the values in a block's temporaries: each is an origin plus a constant. Two addresses of
 * the same origin differ by a constant, so one of them tells the other. */
#ifndef PANDA_REPLAYER_ENGINE_LINEAR_FORMS_H
#define PANDA_REPLAYER_ENGINE_LINEAR_FORMS_H

/* A value: (origin + offset) modulo 2^64 or, if narrow, modulo 2^32 and extended with zeros. */
typedef struct LinearForm {
    uint32_t origin; /* 0: none, the value is the offset */
    bool narrow;
    bool low_half; /* only the low 32 bits are as said */
    int64_t offset;
} LinearForm;

typedef struct LinearForms LinearForms;

LinearForms* linear_forms_new(void);
/* Follows the operations of one block from its begin on. */
void linear_forms_start(LinearForms* forms);
/* Call for each operation, in order, after asking for what it uses. */
void linear_forms_step(LinearForms* forms, const TCGOp* op);
LinearForm linear_form_of(LinearForms* forms, TCGTemp* temp);

#endif
