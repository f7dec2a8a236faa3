package lint

const action = "\uE000"
