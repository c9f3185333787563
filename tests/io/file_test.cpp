// Files on this machine's disk; short reads and writes, full disks and refusals are made at the seam.

#include "support/machine.hpp"

#include <ringlet/core/result.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/io/registered_buffer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <climits>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace io_file_test {

using namespace ringlet;
using namespace story;
using io::file;
using io::file_mode;
using testing::EndsWith;
using testing::HasSubstr;

std::string content_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::size_t names_in(const temporary_folder& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

/// A folder below that one, whose path has so many bytes.
std::string deep_folder(const temporary_folder& folder, std::size_t size) {
    std::string path = folder.path();
    while (path.size() + 202 < size)
        std::filesystem::create_directory(path += '/' + std::string(100, 'd'));
    std::filesystem::create_directory(path += '/' + std::string(size - path.size() - 1, 'd'));
    return path;
}

std::span<std::byte> room_in(std::string& text) { return std::as_writable_bytes(std::span(text)); }

/// Lets the kernel move at most `most` bytes of a file per request: truly short reads and writes.
void shorten(watched_kernel& kernel, unsigned most) {
    kernel.edit = [most](io_uring_sqe& sqe) -> std::optional<int> {
        if (sqe.opcode == IORING_OP_READ || sqe.opcode == IORING_OP_WRITE || sqe.opcode == IORING_OP_READ_FIXED ||
            sqe.opcode == IORING_OP_WRITE_FIXED)
            sqe.len = std::min(sqe.len, most);
        return std::nullopt;
    };
}

/// Answers every request of `opcode` with an error.
void refuse(watched_kernel& kernel, unsigned opcode, int error) {
    kernel.edit = [=](io_uring_sqe& sqe) -> std::optional<int> {
        if (sqe.opcode != opcode)
            return std::nullopt;
        if (opcode == IORING_OP_CLOSE)
            ::close(sqe.fd);  // as the system does before it says that
        return -error;
    };
}

TEST(file, is_written_and_read_at_positions) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        file f = co_await file::open(folder / "f", file_mode::read_write());
        co_await f.write_all_at(0, "hello world");
        co_await f.write_all_at(6, "there");
        EXPECT_EQ(co_await f.size(), 11u);
        std::string part(5, '\0');
        EXPECT_EQ(co_await f.read_at(6, room_in(part)), 5u);
        EXPECT_EQ(part, "there");
        EXPECT_EQ(co_await f.read_at(9, room_in(part)), 2u) << "up to the end";
        EXPECT_EQ(co_await f.read_at(100, room_in(part)), 0u);
        EXPECT_EQ(co_await f.read_at(0, {}), 0u);
        EXPECT_EQ(co_await f.read_all(), "hello there");
        co_await f.sync();
        co_await f.sync(true);
        co_await f.close();
    });
    EXPECT_EQ(content_of(folder / "f"), "hello there");
}

TEST(file, works_on_a_fiber_in_blocking_style) {
    const temporary_folder folder;
    on_this_machine([&] {
        file f = await(file::open(folder / "f", file_mode::write()));
        await(f.write_all_at(0, "blocking"));
        await(f.close());
        EXPECT_EQ(await(io::read_file(folder / "f")), "blocking");
    });
}

TEST(file, goes_on_after_short_reads_and_writes) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        shorten(kernel, 7);
        std::string text;
        for (int i = 0; i < 1'000; ++i)
            text += std::to_string(i);
        file f = co_await file::open(folder / "f", file_mode::read_write());
        co_await f.write_all_at(3, text);
        EXPECT_EQ(co_await f.size(), text.size() + 3);
        std::string back(text.size() + 100, '\0');
        const std::size_t count = co_await f.read_at(3, room_in(back));
        EXPECT_EQ(count, text.size());
        EXPECT_TRUE(back.substr(0, count) == text);
        const std::string all = co_await f.read_all();
        EXPECT_TRUE(all == std::string(3, '\0') + text);
    });
}

// --- registered buffers ------------------------------------------------------------------------------

TEST(registered_buffer, is_read_into_and_written_from) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        shorten(kernel, 1'000);
        const io::registered_buffer buffer(3 * 4'096);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.all().data()) % 4'096, 0u);
        std::string text;
        for (int i = 0; text.size() < buffer.size(); ++i)
            text += std::to_string(i);
        text.resize(buffer.size());
        std::memcpy(buffer.all().data(), text.data(), text.size());
        file f = co_await file::open(folder / "f", file_mode::read_write());
        co_await f.write_all_at(0, buffer.all());
        EXPECT_TRUE(content_of(folder / "f") == text);
        EXPECT_EQ(co_await f.read_at(100, buffer.subspan(4'096, 5'000)), 5'000u);
        EXPECT_EQ(std::memcmp(buffer.all().data() + 4'096, text.data() + 100, 5'000), 0);
        EXPECT_EQ(std::memcmp(buffer.all().data(), text.data(), 4'096), 0) << "what is before it was left alone";
        EXPECT_EQ(co_await f.read_at(text.size() - 7, buffer.subspan(0, 4'096)), 7u) << "up to the end";
        EXPECT_EQ(co_await f.read_at(0, buffer.subspan(5, 0)), 0u);
        // The kernel was asked by index if and only if it had taken the buffer.
        EXPECT_EQ(kernel.pushed(IORING_OP_READ_FIXED) > 0, buffer.registered());
        EXPECT_EQ(kernel.pushed(IORING_OP_WRITE_FIXED) > 0, buffer.registered());
        EXPECT_EQ(kernel.pushed(IORING_OP_READ) == 0, buffer.registered());
    });
}

TEST(registered_buffer, is_memory_like_any_other_where_the_kernel_does_not_take_it) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        kernel.refuses_buffers = true;
        const io::registered_buffer buffer(4'096);
        EXPECT_FALSE(buffer.registered());
        std::memcpy(buffer.all().data(), "plain", 5);
        file f = co_await file::open(folder / "f", file_mode::read_write());
        co_await f.write_all_at(0, buffer.subspan(0, 5));
        EXPECT_EQ(co_await f.read_at(1, buffer.all()), 4u);
        EXPECT_EQ(std::memcmp(buffer.all().data(), "lain", 4), 0);
        EXPECT_EQ(kernel.pushed(IORING_OP_READ_FIXED), 0u);
    });
}

TEST(registered_buffer, reads_past_the_page_cache) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        co_await io::write_file(folder / "f", std::string(8'192, 'x') + "end");
        auto opened = co_await as_result(file::open(folder / "f", file_mode::read().direct()));
        if (!opened) {
            EXPECT_EQ(opened.error(), std::errc::invalid_argument) << "not every file system has direct files";
            co_return;
        }
        const io::registered_buffer buffer(4 * 4'096);
        EXPECT_EQ(co_await opened->read_at(0, buffer.all()), 8'195u);
        EXPECT_EQ(std::memcmp(buffer.all().data() + 8'190, "xxend", 5), 0);
    });
}

TEST(registered_buffer, a_place_that_was_given_back_is_given_again_and_moving_keeps_it) {
    on_this_machine([&]() -> task<> {
        io::registered_buffer first(4'096);
        if (!first.registered())
            co_return;  // another kernel than io_uring
        const io::registered_buffer second(4'096);
        EXPECT_NE(first.all().index(), second.all().index());
        const int place = first.all().index();
        const std::byte* memory = first.all().data();
        io::registered_buffer moved(std::move(first));
        EXPECT_FALSE(first.registered());  // NOLINT: that is what is asked
        EXPECT_EQ(moved.all().index(), place);
        EXPECT_EQ(moved.all().data(), memory);
        moved = io::registered_buffer(0);
        EXPECT_TRUE(moved.all().empty());
        EXPECT_EQ(io::registered_buffer(4'096).all().index(), place);
    });
}

TEST(registered_buffer, killing_its_reader_leaves_nothing_in_flight) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        co_await io::write_file(folder / "f", std::string(1 << 20, 'x'));
        file f = co_await file::open(folder / "f");
        const io::registered_buffer buffer(1 << 20);
        const auto reader = spawn([&]() -> task<> { EXPECT_EQ(co_await f.read_at(0, buffer.all()), buffer.size()); });
        co_await yield();
        reader.kill();
        co_await reader.join();
        EXPECT_FALSE(reader.exception());
    });
}

// --- errors ------------------------------------------------------------------------------------------

TEST(file, names_act_and_path_when_it_fails) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        EXPECT_EQ(co_await error_from(file::open("/nowhere/f")), "open /nowhere/f: No such file or directory");
        EXPECT_EQ(co_await error_from(io::read_file("/nowhere/f")), "open /nowhere/f: No such file or directory");
        EXPECT_EQ(co_await error_from(io::write_file("/nowhere/f", "x")),
                  "write /nowhere/f: No such file or directory");
        EXPECT_EQ(co_await error_from(io::unlink("/nowhere/f")), "unlink /nowhere/f: No such file or directory");
        EXPECT_EQ(co_await error_from(io::rename("/nowhere/f", "/nowhere/g")),
                  "rename /nowhere/f to /nowhere/g: No such file or directory");
        EXPECT_EQ(co_await error_from(io::read_file(folder.path())), "read " + folder.path() + ": Is a directory");

        const std::string path = folder / "f";
        file f = co_await file::open(path, file_mode::write());
        std::string room(10, '\0');
        EXPECT_EQ(co_await error_from(f.read_at(0, room_in(room))), "read " + path + ": Bad file descriptor");
        refuse(kernel, IORING_OP_WRITE, ENOSPC);
        EXPECT_EQ(co_await error_from(f.write_all_at(0, "x")), "write " + path + ": No space left on device");
        const auto written = co_await as_result(f.write_all_at(0, "x"));
        EXPECT_EQ(written.error(), std::errc::no_space_on_device);
        refuse(kernel, IORING_OP_FSYNC, EIO);
        EXPECT_EQ(co_await error_from(f.sync()), "sync " + path + ": Input/output error");
        refuse(kernel, IORING_OP_STATX, EIO);
        EXPECT_EQ(co_await error_from([](file& x) -> task<> { co_await x.size(); }(f)),
                  "stat " + path + ": Input/output error");
        EXPECT_THAT(co_await error_from(file::open(path, file_mode::write().exclusive())), HasSubstr("File exists"));
    });
}

TEST(file, a_full_disk_in_the_middle_of_a_write_is_an_error) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        file f = co_await file::open(folder / "f", file_mode::write());
        int writes = 0;
        kernel.edit = [&](io_uring_sqe& sqe) -> std::optional<int> {
            if (sqe.opcode != IORING_OP_WRITE)
                return std::nullopt;
            sqe.len = 3;
            return ++writes < 3 ? std::nullopt : std::optional(-ENOSPC);
        };
        EXPECT_THAT(co_await error_from(f.write_all_at(0, "0123456789")), HasSubstr("No space left on device"));
    });
    EXPECT_EQ(content_of(folder / "f"), "012345");
}

TEST(file, modes_mean_what_they_say) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        const std::string path = folder / "f";
        EXPECT_THAT(co_await error_from(file::open(path, file_mode::update())), HasSubstr("No such file"));
        {
            file made = co_await file::open(path, file_mode::write().permissions(0600));
            co_await made.write_all_at(0, "12345");
        }
        struct stat about{};
        EXPECT_EQ(::stat(path.c_str(), &about), 0);
        EXPECT_EQ(about.st_mode & 0777, 0600u);
        {
            file kept = co_await file::open(path, file_mode::read_write());
            EXPECT_EQ(co_await kept.size(), 5u);
        }
        {
            file end = co_await file::open(path, file_mode::append());
            co_await end.write_all_at(0, "67");
        }
        EXPECT_EQ(co_await io::read_file(path), "1234567");
        {
            file cut = co_await file::open(path, file_mode::update().truncate());
            EXPECT_EQ(co_await cut.size(), 0u);
        }
    });
}

TEST(file, is_truncated_by_the_kernel_or_in_its_place) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        for (const bool old_kernel : {false, true}) {
            kernel.unsupported = old_kernel ? 55 : -1;
            file f = co_await file::open(folder / "f", file_mode::write());
            co_await f.write_all_at(0, "0123456789");
            co_await f.truncate(4);
            EXPECT_EQ(co_await f.size(), 4u);
            co_await f.truncate(6);
            EXPECT_EQ(content_of(folder / "f"), std::string("0123\0\0", 6));
            file readable = co_await file::open(folder / "f");
            EXPECT_EQ(co_await error_from(readable.truncate(0)), "truncate " + (folder / "f") + ": Invalid argument");
        }
    });
}

TEST(file, read_all_takes_no_more_than_its_limit) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        const std::string path = folder / "f";
        for (const std::size_t size : {0u, 1u, 99u, 100u, 101u, 4'095u, 4'096u, 4'097u, 20'000u}) {
            co_await io::write_file(path, std::string(size, 'x'));
            for (const std::size_t limit : {0u, 99u, 100u, 4'096u, 100'000u}) {
                const auto text = co_await as_result(io::read_file(path, limit));
                if (size <= limit) {
                    EXPECT_EQ(text.value().size(), size);
                } else {
                    EXPECT_EQ(text.error(), std::errc::file_too_large) << size << " " << limit;
                }
            }
        }
        EXPECT_THAT(co_await error_from(io::read_file(path, 100)),
                    HasSubstr("longer than 100 bytes: File too large"));
    });
}

TEST(file, reads_files_that_do_not_know_their_size) {
    on_this_machine([]() -> task<> {
        const std::string text = co_await io::read_file("/proc/self/status");
        EXPECT_THAT(text, HasSubstr("\nPid:\t" + std::to_string(getpid()) + "\n"));
        EXPECT_THAT(co_await error_from(io::read_file("/proc/self/status", 100)), HasSubstr("longer than 100 bytes"));
        const std::string maps = co_await io::read_file("/proc/self/maps");
        EXPECT_GT(maps.size(), 4'096u);
        EXPECT_EQ(maps.back(), '\n');
    });
}

TEST(file, write_file_takes_a_name_as_long_as_can_be) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        const std::string path = folder / std::string(255, 'n');
        co_await io::write_file(path, "all");
        EXPECT_EQ(co_await io::read_file(path), "all");
    });
}

TEST(file, write_file_takes_a_path_as_long_as_can_be) {
    const temporary_folder folder;
    const std::string path = deep_folder(folder, PATH_MAX - 102) + '/' + std::string(100, 'n');
    on_this_machine([&]() -> task<> {
        co_await io::write_file(path, "all");
        EXPECT_EQ(co_await io::read_file(path), "all");
    });
}

TEST(file, write_file_says_when_a_path_has_no_room_beside_it) {
    const temporary_folder folder;
    const std::string path = deep_folder(folder, PATH_MAX - 10) + "/f";
    on_this_machine([&]() -> task<> {
        EXPECT_THAT(co_await error_from(io::write_file(path, "all")),
                    EndsWith("/f: a name beside it for the new file: File name too long"));
    });
}

TEST(file, a_name_with_a_zero_in_it_names_no_file) {
    const temporary_folder folder;
    const std::string path = folder / "f", other = folder / "g";
    const std::string longer = path + '\0' + "longer";
    on_this_machine([&]() -> task<> {
        co_await io::write_file(path, "all");
        const auto written = co_await as_result(with_timeout(10s, io::write_file(longer, "other")));
        const auto read = co_await as_result(io::read_file(longer));
        const auto renamed = co_await as_result(io::rename(longer, other));
        const auto unlinked = co_await as_result(io::unlink(longer));
        for (const std::error_code error : {written.error(), read.error(), renamed.error(), unlinked.error()})
            EXPECT_EQ(error, std::errc::no_such_file_or_directory);
        EXPECT_EQ(content_of(path), "all");
        EXPECT_EQ(names_in(folder), 1u);
    });
}

TEST(file, write_file_replaces_all_or_nothing) {
    const temporary_folder folder;
    const std::string path = folder / "f";
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        co_await io::write_file(path, "old");
        co_await io::write_file(path, "new");
        EXPECT_EQ(content_of(path), "new");
        for (const unsigned opcode : {unsigned(IORING_OP_WRITE), unsigned(IORING_OP_FSYNC), unsigned(IORING_OP_CLOSE),
                                      unsigned(IORING_OP_RENAMEAT)}) {
            refuse(kernel, opcode, ENOSPC);
            EXPECT_THAT(co_await error_from(io::write_file(path, "never")),
                        HasSubstr(path + ": No space left on device"));
            kernel.edit = nullptr;
            EXPECT_EQ(content_of(path), "new");
            EXPECT_EQ(names_in(folder), 1u) << "something was left beside it";
        }
    });
}

TEST(file, write_file_keeps_who_may_read_it) {
    const temporary_folder folder;
    const std::string path = folder / "f";
    on_this_machine([&]() -> task<> {
        co_await io::write_file(path, "secret", io::replace_options().permissions(0600).sync(false));
        co_await io::write_file(path, "new secret");
        struct stat about{};
        EXPECT_EQ(::stat(path.c_str(), &about), 0);
        EXPECT_EQ(about.st_mode & 0777, 0600u);
        EXPECT_EQ(::chmod(path.c_str(), 0666), 0);
        co_await io::write_file(path, "public");
        EXPECT_EQ(::stat(path.c_str(), &about), 0);
        EXPECT_EQ(about.st_mode & 0777, 0666u) << "in spite of the umask";
    });
}

TEST(file, renames_and_unlinks) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        co_await io::write_file(folder / "a", "text");
        co_await io::rename(folder / "a", folder / "b");
        EXPECT_EQ(content_of(folder / "b"), "text");
        co_await io::unlink(folder / "b");
        EXPECT_EQ(names_in(folder), 0u);
    });
}

TEST(file, after_close_it_says_so) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        const std::string path = folder / "f";
        file f = co_await file::open(path, file_mode::read_write());
        co_await f.close();
        co_await f.close();
        EXPECT_EQ(f.native_handle(), -1);
        std::string room(10, '\0');
        EXPECT_EQ(co_await error_from(f.read_at(0, room_in(room))),
                  "read " + path + ": it was closed here: Operation canceled");
    });
}

TEST(file, close_tells_what_the_system_could_only_say_then) {
    const temporary_folder folder;
    on_this_machine([&](watched_kernel& kernel) -> task<> {
        file f = co_await file::open(folder / "f", file_mode::write());
        refuse(kernel, IORING_OP_CLOSE, EDQUOT);
        EXPECT_EQ(co_await error_from(f.close()), "close " + (folder / "f") + ": Disk quota exceeded");
    });
}

TEST(file, may_be_dropped_while_somebody_uses_it) {
    const temporary_folder folder;
    on_this_machine([&]() -> task<> {
        co_await io::write_file(folder / "f", std::string(1 << 20, 'x'));
        std::optional<file> f(co_await file::open(folder / "f"));
        std::string room(1 << 20, '\0');
        const auto reader = spawn([&] { return error_from(f->read_at(0, room_in(room))); });
        co_await yield();
        f.reset();
        EXPECT_THAT(co_await reader.get(), testing::AnyOf("", HasSubstr("it was closed here")));
    });
}

TEST(file, killing_at_any_moment_leaves_no_descriptor_and_nothing_beside) {
    const temporary_folder folder;
    const std::string path = folder / "f";
    on_this_machine([&]() -> task<> { co_await io::write_file(path, "old"); });
    std::size_t blows = 0;
    for (std::size_t turn = 1; turn < 1'000; ++turn) {
        bool struck = false;
        for (const bool before : {true, false}) {
            on_this_machine([&](watched_kernel& kernel) -> task<> {
                const auto victim = spawn([&]() -> task<> {
                    co_await io::write_file(path, "new");
                    EXPECT_EQ(co_await io::read_file(path), "new");
                });
                std::size_t turns = 0;
                const auto blow = [&] {
                    if (++turns != turn || victim.ready())
                        return false;
                    victim.kill();
                    return struck = true;
                };
                if (before)
                    kernel.before_turn = blow;
                else
                    kernel.after_turn = blow;
                co_await victim.join();
                kernel.before_turn = nullptr;
                kernel.after_turn = nullptr;
                EXPECT_FALSE(victim.exception());
            });
            EXPECT_EQ(names_in(folder), 1u) << "killed at turn " << turn;
            EXPECT_THAT(content_of(path), testing::AnyOf("old", "new"));
            blows += struck;
        }
        if (!struck || HasFailure())
            break;
    }
    EXPECT_GT(blows, 10u);
}

}  // namespace io_file_test
