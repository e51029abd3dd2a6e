// Stands in for Prettier's babel parser and estree printer, which GraphiQL
// only uses to tidy JSON with comments. The JSON parser that is in the bundle
// anyway can do that.
import { applyEdits, format, parse, printParseErrorCode } from 'jsonc-parser';

export const parsers = {
  jsonc: {
    astFormat: 'jsonc-text',
    parse(text) {
      const errors = [];
      parse(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
      if (errors.length) throw new SyntaxError(printParseErrorCode(errors[0].error));
      const edits = format(text, undefined, {
        tabSize: 2,
        insertSpaces: true,
        eol: '\n',
        insertFinalNewline: false,
      });
      return { type: 'text', text: applyEdits(text, edits) };
    },
    locStart: () => 0,
    locEnd: (node) => node.text.length,
  },
};

export const printers = {
  'jsonc-text': { print: (path) => path.node.text },
};
