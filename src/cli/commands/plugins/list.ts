import { listPlugins, type PluginStatus } from "../../../client/system/plugins.ts";
import { defineCommand, variadic } from "../../command.ts";
import { reportLine } from "../../failure.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { listingFlags } from "../../flags/listing.ts";
import { writeOut } from "../../output.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { alignTabs } from "../../print/tab-writer.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list what ctr is made of, and the snapshot plugins it is configured to use, each tried out",
  description:
    "Filters select by type or id. Snapshot plugins are tables [proxy_plugins.NAME] with type and address in the configuration; --snapshotter NAME uses one.",
  examples: ["plugins list", "plugins list -d id==overlayfs"],
  flags: {
    ...listingFlags,
    detailed: booleanFlag("print all that is known of each", { alias: "d" }),
  },
  args: { filters: variadic() },
  async run({ flags, args }, context) {
    const plugins = await listPlugins(await context.openClient(), args.filters);
    if (flags.quiet) return printNames(plugins.map(({ id }) => id));
    if (flags.detailed && flags.output === "table") return writeOut(details(plugins));
    printListing(
      {
        style: tableStyles.wide,
        header: ["TYPE", "ID", "PLATFORMS", "STATUS"],
        rows: plugins.map(({ type, id, platforms, status }) => [
          type,
          id,
          platforms.join(",") || "-",
          status,
        ]),
        records: plugins.map(({ error, ...plugin }) => {
          return error ? { ...plugin, error: { code: error.code, message: reportLine(error) } } : plugin;
        }),
      },
      flags.output,
    );
  },
});

function details(plugins: readonly PluginStatus[]): string {
  const blocks = plugins.map((plugin) => `${detailLines(plugin).join("\n")}\n`);
  return blocks.length === 0
    ? ""
    : alignTabs(blocks.join("\t\t\t\n"), { minWidth: 4, padding: 4, fill: " " });
}

function detailLines({ type, id, requires, platforms, exports, error }: PluginStatus): string[] {
  const exported = Object.entries(exports).map(([key, value]) => `\t ${key} \t ${value}`);
  return [
    `Type:\t ${type}`,
    `ID:\t ${id}`,
    ...(requires.length > 0 ? ["Requires:\t", ...requires.map((each) => `\t ${each}`)] : []),
    ...(platforms.length > 0 ? [`Platforms:\t ${platforms.join(", ")}`] : []),
    ...(exported.length > 0 ? ["Exports:\t", ...exported] : []),
    ...(error ? ["Error:\t", `\t Code:\t ${error.code}`, `\t Message:\t ${reportLine(error)}`] : []),
  ];
}
