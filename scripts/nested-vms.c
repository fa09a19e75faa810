/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program in the guest of fixtures/debian-6.12-nested (cc -O2 -static -pthread). It runs two VMs: nest-halt, whose vCPU
 * halts, and nest-spin, whose vCPU runs on processor 0 until the host crashes. It prints where their pages are:
 *
 *   L2VM PID FD NAME
 *   L2RUN NAME GPA HVA OWN PAGES    hexadecimal; OWN is the physical address by /proc/self/pagemap; - if there is none
 *
 * This program writes MARK + (number of the VM << 40) + GPA to the start of each page, except in the area that stays
 * untouched; then the VM's vCPU, in 32-bit mode, writes the GPA to offset 8 of each of these pages below 4 GiB, and its
 * complement to offset 12.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, HUGE_PAGE = 2 << 20, CODE = 0x100, RANGES = 0x200 };
#define MARK (0x6c32ull << 48)

/* The code of the vCPUs: writes to the pages of each range (start, number of pages) in the list at RANGES. */
extern const unsigned char code[], code_end[];
__asm__(".section .rodata\n"
	".code32\n"
	"code: mov $0x200, %esi\n"
	"1: mov (%esi), %edi\n"
	"mov 4(%esi), %ecx\n"
	"add $8, %esi\n"
	"test %ecx, %ecx\n"
	"jz 3f\n"
	"2: mov %edi, 8(%edi)\n"
	"mov %edi, %eax\n"
	"not %eax\n"
	"mov %eax, 12(%edi)\n"
	"add $4096, %edi\n"
	"dec %ecx\n"
	"jnz 2b\n"
	"jmp 1b\n"
	"3: hlt\n"
	"4: jmp 4b\n"
	"code_end: .code64\n"
	".previous\n");

enum kind { SMALL, THP, MEMFD, UNTOUCHED, READ_ONLY };
struct area { uint64_t gpa; size_t pages; enum kind kind; };
struct vm { const char *name; int number, fd, vcpu; struct kvm_run *run; struct area areas[8]; unsigned char *at[8]; };

static struct vm vms[] = {
	{ "nest-halt", 1, .areas = { { 0, 64, SMALL }, { 0x40000000, 1024, THP }, { 0x80000000, 240, MEMFD },
				     { 0xa0000000, 16, UNTOUCHED }, { 0x100000000, 64, READ_ONLY } } },
	{ "nest-spin", 2, .areas = { { 0, 64, SMALL }, { 0x40000000, 512, THP }, { 0x80000000, 128, MEMFD },
				     { 0x100000000, 64, READ_ONLY } } },
};
static int kvm, pagemap;

static void *call(int fd, unsigned long request, void *argument, const char *name)
{
	if (ioctl(fd, request, argument) < 0)
		err(1, "%s", name);
	return argument;
}

static unsigned char *allocate(const struct area *area)
{
	size_t bytes = area->pages * PAGE;
	if (area->kind == MEMFD) {
		int fd = memfd_create("nest", 0);
		if (fd < 0 || ftruncate(fd, bytes))
			err(1, "memfd");
		return mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	unsigned char *at = mmap(0, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area->kind == THP)
		at = (unsigned char *)(((uintptr_t)at + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	madvise(at, bytes, area->kind == THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return at;
}

static void make(struct vm *vm)
{
	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0);
	vm->vcpu = vm->fd < 0 ? -1 : ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu < 0)
		err(1, "%s", vm->name);
	vm->run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	uint32_t ranges[2 * 8 + 2] = { 0 };
	int listed = 0;
	for (int i = 0; vm->areas[i].pages; i++) {
		const struct area *area = &vm->areas[i];
		unsigned char *at = vm->at[i] = allocate(area);
		for (size_t page = 0; area->kind != UNTOUCHED && page < area->pages; page++) {
			uint64_t mark = MARK + ((uint64_t)vm->number << 40) + area->gpa + page * PAGE;
			memcpy(at + page * PAGE, &mark, sizeof mark);
		}
		if (area->kind != UNTOUCHED && area->kind != READ_ONLY) {
			ranges[listed++] = area->gpa;
			ranges[listed++] = area->pages;
		}
		call(vm->fd, KVM_SET_USER_MEMORY_REGION, &(struct kvm_userspace_memory_region){
			.slot = i, .flags = area->kind == READ_ONLY ? KVM_MEM_READONLY : 0, .guest_phys_addr = area->gpa,
			.memory_size = area->pages * PAGE, .userspace_addr = (uintptr_t)at }, "slot");
	}
	memcpy(vm->at[0] + CODE, code, code_end - code);
	memcpy(vm->at[0] + RANGES, ranges, sizeof ranges);
	struct kvm_sregs sregs;
	call(vm->vcpu, KVM_GET_SREGS, &sregs, "sregs");
	struct kvm_segment flat = { .limit = 0xffffffff, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1 };
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	sregs.ss.selector = sregs.ds.selector = sregs.es.selector = 16;
	flat.type = 11;
	sregs.cs = flat;
	sregs.cs.selector = 8;
	sregs.cr0 |= 1;
	call(vm->vcpu, KVM_SET_SREGS, &sregs, "set sregs");
	call(vm->vcpu, KVM_SET_REGS, &(struct kvm_regs){ .rip = CODE, .rflags = 2, .rsp = 0x3ff0,
		.rbx = 0x1234567890abcdefull + vm->number }, "regs");
}

/* Runs the vCPU until it halts. */
static void run(struct vm *vm)
{
	do
		if (ioctl(vm->vcpu, KVM_RUN, 0) < 0)
			err(1, "%s", vm->name);
	while (vm->run->exit_reason == KVM_EXIT_INTR);
	if (vm->run->exit_reason != KVM_EXIT_HLT)
		errx(1, "%s: exit reason %d", vm->name, vm->run->exit_reason);
}

static uint64_t own(const unsigned char *address)
{
	uint64_t entry = 0;
	if (pread(pagemap, &entry, 8, (uintptr_t)address / PAGE * 8) != 8 || !(entry >> 63))
		return ~0ull;
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static void report(const struct vm *vm)
{
	printf("L2VM %d %d %s\n", getpid(), vm->fd, vm->name);
	for (int i = 0; vm->areas[i].pages; i++)
		for (size_t page = 0, length; page < vm->areas[i].pages; page += length) {
			const unsigned char *at = vm->at[i] + page * PAGE;
			uint64_t first = own(at);
			for (length = 1; page + length < vm->areas[i].pages; length++)
				if (own(at + length * PAGE) != (first == ~0ull ? first : first + length * PAGE))
					break;
			printf("L2RUN %s %llx %lx ", vm->name, (unsigned long long)(vm->areas[i].gpa + page * PAGE), (unsigned long)at);
			if (first == ~0ull)
				printf("- %zu\n", length);
			else
				printf("%llx %zu\n", (unsigned long long)first, length);
		}
}

static void *spin(void *vm)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof set, &set);
	run(vm);
	errx(1, "nest-spin has halted again");
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (kvm < 0 || pagemap < 0)
		err(1, "kvm");
	for (int i = 0; i < 2; i++) {
		make(&vms[i]);
		run(&vms[i]);
	}
	for (int i = 0; i < 2; i++)
		report(&vms[i]);
	pthread_t thread;
	pthread_create(&thread, 0, spin, &vms[1]);
	printf("NESTED\n");
	fflush(stdout);
	for (;;)
		pause();
}
