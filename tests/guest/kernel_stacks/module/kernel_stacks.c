// SPDX-License-Identifier: GPL-2.0-or-later
// At marked points in all contexts that a kernel has, prints what its own unwinder (ORC) says of the stack, and executes a
// CPUID that the trace has.
//
// "stack N ADDRESS...": the return addresses at mark N, the innermost first: that of mark() itself, and so on, to where the
// processor came from user code. An interrupt's or exception's frame has the address of the instruction that it interrupted.
//
// Marks are made when /proc/kernel_stacks is written: the first character says in which context. They are printed when it
// is read, so that a console that is busy does not change what is measured.
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/stacktrace.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#define MARK_LEAF 0x70616e64 /* eax of a mark */
#define MAX_MARKS 4000
#define MAX_DEPTH 48

struct stack {
    unsigned count;
    char context;
    unsigned long addresses[MAX_DEPTH];
};
static struct stack *stacks;
static atomic_t marks;
static volatile int sink;

// The CPUID comes last, so that the stack is the same when the next block starts.
static noinline void mark(char context)
{
    const unsigned number = atomic_inc_return(&marks) - 1;
    unsigned a = MARK_LEAF, b = number, c = 0, d = 0;

    if (number >= MAX_MARKS)
        return;
    stacks[number].context = context;
    // The first is in this function.
    stacks[number].count = stack_trace_save(stacks[number].addresses, MAX_DEPTH, 1);
    asm volatile("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    sink = a; // not a tail call
}

static noinline int recurse(int depth, char context)
{
    int result;

    if (depth % 4 == 0)
        mark(context);
    result = depth == 0 ? 0 : recurse(depth - 1, context) + depth;
    sink = result;
    return result + 1;
}

static noinline void tail_callee(int depth)
{
    mark('p');
    sink = depth;
}
static noinline void tail_caller(int depth)
{
    sink = depth;
    tail_callee(depth + 1);
}
// Through a retpoline.
static int (*volatile recurse_by_pointer)(int, char) = recurse;

static void on_timer(struct timer_list *timer)
{
    recurse(4, 't');
}
static DEFINE_TIMER(timer, on_timer);

// Fires in user code, in the kernel's, in softirqs and in idle, wherever the processor is.
static int ticks;
static struct hrtimer hrtimer;
static enum hrtimer_restart on_hrtimer(struct hrtimer *one)
{
    mark('h');
    if (ticks-- <= 0)
        return HRTIMER_NORESTART;
    hrtimer_forward_now(one, ns_to_ktime(313131));
    return HRTIMER_RESTART;
}

static void on_tasklet(struct tasklet_struct *one)
{
    recurse(4, 's');
}
static DECLARE_TASKLET(tasklet, on_tasklet);

static void on_work(struct work_struct *one)
{
    recurse_by_pointer(8, 'w');
}
static DECLARE_WORK(work, on_work);

static void on_irq_work(struct irq_work *one)
{
    recurse(4, 'i');
}
static DEFINE_IRQ_WORK(irq_work, on_irq_work);

static DECLARE_COMPLETION(rcu_done);
static void on_rcu(struct rcu_head *one)
{
    mark('r');
    complete(&rcu_done);
}
static struct rcu_head rcu;

static void on_call(void *one)
{
    recurse(4, 'c');
}

static int on_thread(void *one)
{
    recurse(8, 'k');
    return 0;
}

// An exception in the kernel: int3 with a handler that looks at the stack, among others by page faults.
static int on_die(struct notifier_block *block, unsigned long value, void *data)
{
    if (value != DIE_INT3)
        return NOTIFY_DONE;
    recurse(4, 'x');
    return NOTIFY_STOP;
}
static struct notifier_block on_breakpoint = {.notifier_call = on_die, .priority = INT_MAX};

static noinline void breakpoint(int depth)
{
    if (depth > 0)
        breakpoint(depth - 1);
    else
        asm volatile("int3");
    sink = depth;
}

static noinline void warn(int depth)
{
    if (depth > 0)
        warn(depth - 1);
    else
        WARN_ON(sink != INT_MIN);
    sink = depth;
}

static ssize_t write(struct file *file, const char __user *text, size_t size, loff_t *place)
{
    char context;

    if (size == 0 || get_user(context, text))
        return -EFAULT;
    switch (context) {
    case 'm':
        mark('m');
        break;
    case 'p':
        recurse(12, 'p');
        recurse_by_pointer(8, 'p');
        tail_caller(3);
        break;
    case 't':
        mod_timer(&timer, jiffies + 1);
        break;
    case 'h':
        ticks = 1000;
        hrtimer_start(&hrtimer, ns_to_ktime(100000), HRTIMER_MODE_REL_HARD);
        break;
    case 's':
        tasklet_schedule(&tasklet);
        break;
    case 'w':
        schedule_work(&work);
        flush_work(&work);
        break;
    case 'i':
        irq_work_queue(&irq_work);
        irq_work_sync(&irq_work);
        break;
    case 'r':
        reinit_completion(&rcu_done);
        call_rcu(&rcu, on_rcu);
        wait_for_completion(&rcu_done);
        break;
    case 'c':
        smp_call_function_single(0, on_call, NULL, 1);
        break;
    case 'k':
        kthread_run(on_thread, NULL, "kernel_stacks");
        break;
    case 'x':
        breakpoint(3);
        break;
    case 'W':
        warn(3);
        break;
    default:
        return -EINVAL;
    }
    return size;
}

static int show(struct seq_file *file, void *data)
{
    const unsigned count = min(atomic_read(&marks), MAX_MARKS);
    unsigned number, i;

    for (number = 0; number < count; ++number) {
        seq_printf(file, "stack %u %c", number, stacks[number].context);
        for (i = 0; i < stacks[number].count; ++i)
            seq_printf(file, " %lx", stacks[number].addresses[i]);
        seq_putc(file, '\n');
    }
    return 0;
}
static int open(struct inode *inode, struct file *file)
{
    return single_open(file, show, NULL);
}

static const struct proc_ops operations = {
    .proc_open = open,
    .proc_read = seq_read,
    .proc_lseek = seq_lseek,
    .proc_release = single_release,
    .proc_write = write,
};

static int __init begin(void)
{
    stacks = vzalloc(sizeof *stacks * MAX_MARKS);
    if (stacks == NULL)
        return -ENOMEM;
    hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
    hrtimer.function = on_hrtimer;
    register_die_notifier(&on_breakpoint);
    mark('m');
    if (proc_create("kernel_stacks", 0666, NULL, &operations) == NULL)
        return -ENOMEM;
    return 0;
}
// It stays.
module_init(begin);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stacks of the kernel, as its own unwinder finds them, at points that a trace shows");
