#include <catch2/catch_test_macros.hpp>
#include <string>

#include "osi/cpu_point.h"
#include "osi/linux/osi_linux.h"
#include "osi_fake_guest.h"

using namespace panda::osi;
using panda::osi::test::FakeGuest;

namespace {

struct Fixture {
    FakeGuest guest{0x2da00000};
    OsiOwner osi{osi_new()};
    CPUState cpu{guest.point(), osi.get()};

    Fixture() {
        guest.add_process(1, 0, "init", true);
        guest.add_process(2, 0, "kthreadd", false);
        guest.add_module("virtio_blk", 0xffffffffc0123000, 0x5000);
        register_provider(*osi, std::make_shared<linux_guest::OsiLinux>(guest.info, guest.point()));
    }
};

// What callbacks saw; global, because they have no argument for it.
int task_changes = 0;
std::string new_process_name;

}  // namespace

TEST_CASE("without a provider every call gives nothing") {
    FakeGuest guest(0);
    const OsiOwner osi(osi_new());
    CPUState cpu{guest.point(), osi.get()};
    CHECK(get_processes(&cpu) == nullptr);
    CHECK(get_current_process(&cpu) == nullptr);
    const OsiProcHandle handle{1, 2};
    CHECK(get_process(&cpu, &handle) == nullptr);
    CHECK(get_process_pid(&cpu, &handle) == -1);
    cleanup_garray(nullptr);
}

TEST_CASE_METHOD(Fixture, "arrays of processes, handles and modules") {
    GArray* processes = get_processes(&cpu);
    REQUIRE(processes != nullptr);
    REQUIRE(processes->len == 3);
    const OsiProc* init = get_one_proc(processes, 1);
    CHECK(init->pid == 1);
    CHECK(init->ppid == 0);
    CHECK(std::string(init->name) == "init");
    CHECK(init->asid == 0x81000);
    CHECK(init->pages == nullptr);
    CHECK(get_one_proc(processes, 3) == nullptr);
    GArray* handles = get_process_handles(&cpu);
    REQUIRE(handles->len == 3);
    CHECK(g_array_index(handles, OsiProcHandle, 1).taskd == init->taskd);
    g_array_free(handles, TRUE);
    cleanup_garray(processes);

    GArray* modules = get_modules(&cpu);
    REQUIRE(modules->len == 1);
    CHECK(std::string(get_one_module(modules, 0)->name) == "virtio_blk");
    CHECK(get_one_module(modules, 0)->size == 0x5000);
    g_array_free(modules, TRUE);
}

TEST_CASE_METHOD(Fixture, "single structs, their copies and their ends") {
    OsiProcHandle* handle = get_current_process_handle(&cpu);
    REQUIRE(handle != nullptr);
    CHECK(handle->taskd == guest.task_address(0));
    OsiProcHandle* same = copy_osiprochandle(handle, nullptr);
    CHECK(same->taskd == handle->taskd);
    free_osiprochandle(same);
    OsiProc* process = get_process(&cpu, handle);
    REQUIRE(process != nullptr);
    CHECK(std::string(process->name) == "swapper/0");
    OsiProc* current = get_current_process(&cpu);
    REQUIRE(current != nullptr);
    CHECK(current->taskd == process->taskd);
    copy_osiproc(process, current);
    CHECK(current->name != process->name);
    CHECK(std::string(current->name) == "swapper/0");
    free_osiproc(current);
    free_osiproc(process);
    free_osiprochandle(handle);
    OsiThread* thread = get_current_thread(&cpu);
    REQUIRE(thread != nullptr);
    CHECK(thread->tid == 0);
    free_osithread(thread);
    free_osiproc(nullptr);
    free_osimodule(nullptr);
}

TEST_CASE_METHOD(Fixture, "an array that is there is appended to, and freed after an error") {
    OsiProvider callbacks{};
    callbacks.on_get_processes = [](CPUState* at, GArray** out) {
        *out = get_process_handles(static_cast<CPUState*>(osi_provider_data(at)));
    };
    const OsiOwner outer(osi_new());
    CPUState outer_cpu{guest.point(), outer.get()};
    osi_register_provider(outer.get(), &callbacks, &cpu, nullptr);
    GArray* handles = get_processes(&outer_cpu);
    REQUIRE(handles != nullptr);
    CHECK(handles->len == 3);
    g_array_free(handles, TRUE);
}

TEST_CASE_METHOD(Fixture, "a key that is missing gives a warning and no result") {
    auto info = guest.info;
    info.task_tgid_offset.reset();
    register_provider(*osi, std::make_shared<linux_guest::OsiLinux>(info, guest.point()));
    g_test_expect_message(nullptr, G_LOG_LEVEL_WARNING, "get_processes: *key task.tgid_offset is missing");
    CHECK(get_processes(&cpu) == nullptr);
    g_test_assert_expected_messages();
}

TEST_CASE_METHOD(Fixture, "callbacks are called once for each time that they were added") {
    osi_on_task_change(osi.get(), [](CPUState*) { ++task_changes; });
    osi_on_task_change(osi.get(), [](CPUState*) { ++task_changes; });
    osi_on_new_process(osi.get(), [](CPUState*, OsiProc* process) { new_process_name = process->name; });
    notify_task_change(&cpu);
    CHECK(task_changes == 2);
    OsiProc* process = get_current_process(&cpu);
    notify_new_process(&cpu, process);
    notify_finished_process(&cpu, process);
    free_osiproc(process);
    CHECK(new_process_name == "swapper/0");
}

TEST_CASE("names of operating systems") {
    CHECK(osi_os_is_valid("linux-64-debian:6.1.0"));
    CHECK(osi_os_is_valid("linux_32_x"));
    CHECK(osi_os_is_valid("windows-32-xpsp3"));
    CHECK_FALSE(osi_os_is_valid("linux-64-"));
    CHECK_FALSE(osi_os_is_valid("linux-16-x"));
    CHECK_FALSE(osi_os_is_valid("my windows-32-7"));
    CHECK_FALSE(osi_os_is_valid("windows-32-72"));
    CHECK_FALSE(osi_os_is_valid(nullptr));
}
