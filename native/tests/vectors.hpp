// Reads the comma-separated reference values under tests/vectors.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace safehold::tests {

struct Row {
    std::string name;             // the first cell where it is no number
    std::vector<double> numbers;  // decimal or hexadecimal
};

inline std::vector<Row> read_vectors(const std::string& path) {
    std::vector<Row> rows;
    std::ifstream file(std::string(SAFEHOLD_VECTORS) + "/" + path);
    std::string line;
    while (std::getline(file, line)) {
        Row row;
        std::stringstream cells(line);
        std::string cell;
        while (std::getline(cells, cell, ',')) {
            char* end = nullptr;
            const double value = std::strtod(cell.c_str(), &end);
            if (end != cell.c_str() && *end == '\0') {
                row.numbers.push_back(value);
            } else {
                row.name = cell;
            }
        }
        rows.push_back(row);
    }
    return rows;
}

}  // namespace safehold::tests
