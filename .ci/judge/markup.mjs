// html-validate, over the HTML of a mail as it was sent.
import { HtmlValidate, StaticConfigLoader } from "html-validate";

// What the Word engine of Outlook for Windows lays out by, since it knows no
// max-width and little of padding: on these elements, and nowhere else.
const wordEngine = Object.fromEntries(Object.entries({
  table: ["align", "bgcolor", "border", "cellpadding", "cellspacing", "height", "width"],
  tr: ["align", "bgcolor", "valign"],
  td: ["align", "bgcolor", "height", "valign", "width"],
  th: ["align", "bgcolor", "height", "valign", "width"],
  img: ["border"],
}).map(([element, names]) => [element, {
  inherit: element, attributes: Object.fromEntries(names.map(name => [name, { deprecated: false }])),
}]));

const validator = new HtmlValidate(new StaticConfigLoader({
  root: true,
  extends: ["html-validate:recommended", "html-validate:document", "html-validate:a11y"],
  elements: ["html5", wordEngine],
  rules: {
    // Clients drop style blocks that they don't like, and forwarding drops them
    // all, so what a mail needs to be read stands at its elements.
    "no-inline-style": "off",
    // <!--[if mso]> is how Outlook for Windows is given its fixed width. Others read a comment.
    "no-conditional-comment": "off",
    // What search engines show of a title. A mail's is read out, and is its name and date.
    "long-title": "off",
    // Gmail puts <u> in the place of <main> and <nav>, Outlook.com and Yahoo drop
    // all of these; a div with a role comes through.
    "prefer-native-element": ["error", { exclude: ["article", "banner", "complementary", "contentinfo", "main", "navigation", "region"] }],
  },
}));

// judge gives the faults of one mail's HTML.
export async function judge(html, file) {
  const { results } = await validator.validateString(html, file);
  const lines = html.split("\n");
  return results.flatMap(r => r.messages).map(m => ({
    rule: m.ruleId, element: `line ${m.line}: ${lines[m.line - 1].slice(Math.max(0, m.column - 2))}`, says: m.message,
  }));
}
