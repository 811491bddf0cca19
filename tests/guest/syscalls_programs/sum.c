// Something for the compiler to compile, without headers.
int sum(const int* numbers, int count);

int sum(const int* numbers, int count) {
    int total = 0;
    for (int i = 0; i < count; ++i)
        total += numbers[i];
    return total;
}

int main(void) {
    static const int numbers[] = {1, 2, 3, -6};
    return sum(numbers, 4);
}
