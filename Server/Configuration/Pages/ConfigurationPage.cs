using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Server.Configuration.Reading;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace OrleansTempo.Server.Configuration.Pages;

/// <summary>
/// The configuration that holds, defaults included, as the YAML of a configuration file that would give it again — but for
/// secrets, which are <c>&lt;secret&gt;</c>. For <c>/status/config</c>.
/// </summary>
public static class ConfigurationPage
{
    /// <summary>Renders the whole configuration.</summary>
    public static string Render(TempoOptions options) => Text(Tree(options));

    /// <summary>Renders a tenant's overrides as an entry of a file.</summary>
    internal static string Render(TenantOverrides overrides) => Text(Tree(overrides));

    /// <summary>Renders all entries of a file of overrides below <c>overrides</c>: whole, with the defaults before them, or what is other than in the defaults.</summary>
    internal static string RenderTenants(TenantOverrides defaults, IReadOnlyDictionary<string, TenantOverrides> entries, bool onlyDifferences)
    {
        var before = Tree(defaults);
        var tenants = entries.OrderBy(static e => e.Key, StringComparer.Ordinal).Select(e => (e.Key, onlyDifferences ? Difference(before, Tree(e.Value)) : Tree(e.Value))).ToList();
        return Text(onlyDifferences ? new List<(string, object?)> { ("overrides", tenants) } : new List<(string, object?)> { ("defaults", before), ("overrides", tenants) });
    }

    private static string Text(object? tree)
    {
        var text = new StringBuilder();
        var emitter = new Emitter(new StringWriter(text, CultureInfo.InvariantCulture), new EmitterSettings(2, int.MaxValue, false, 1024));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, true));
        Write(emitter, tree);
        emitter.Emit(new DocumentEnd(true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    /// <summary>A tenant's overrides as an entry of a file would have them, in JSON; secrets masked.</summary>
    internal static JsonObject ToJson(TenantOverrides overrides) => (JsonObject)Json(Tree(overrides))!;

    // What the second has that is not the same in the first, key by key.
    private static object? Difference(object? one, object? other)
    {
        if (one is not List<(string Key, object? Value)> before || other is not List<(string Key, object? Value)> after)
            return other;

        var difference = new List<(string, object?)>();
        foreach (var (key, value) in after)
        {
            var former = before.Find(entry => entry.Key == key).Value;
            if (!JsonNode.DeepEquals(Json(former), Json(value)))
                difference.Add((key, Difference(former, value)));
        }

        return difference;
    }

    private static JsonNode? Json(object? value) => value switch
    {
        null => null,
        List<(string Key, object? Value)> map => new JsonObject(map.Select(static entry => KeyValuePair.Create(entry.Key, Json(entry.Value)))),
        List<object?> list => new JsonArray([.. list.Select(Json)]),
        TimeSpan duration => GoDuration.ToGoString(duration),
        bool flag => flag,
        double number => number,
        string text => text,
        _ => JsonNode.Parse(Plain(value)),
    };

    // Where the options' shape is not the file's, the file's is built by hand; everything else follows from the names.
    private static object? Tree(object? value) => value switch
    {
        ServerOptions server => Server(server),
        ReceiversOptions receivers => receivers.Otlp.Select(static otlp => (otlp.Name, (object?)new List<(string, object?)> { ("protocols", Tree(otlp.Protocols)) })).ToList(),
        ServerTlsOptions tls => new List<(string, object?)>
        {
            ("cert_pem", tls.Cert),
            ("key_pem", Masked(tls.Key)),
            ("cert_file", tls.CertFile),
            ("key_file", tls.KeyFile),
            ("client_ca_file", tls.ClientCaFile),
            ("min_version", tls.MinVersion switch { TlsVersion.Tls12 => "1.2", TlsVersion.Tls13 => "1.3", _ => "" }),
        },
        null or string or bool or double or int or long or ulong or TimeSpan => value,
        ListenEndpoint endpoint => endpoint.ToString(),
        Enum word => OptionTable.WordOf(word),
        IReadOnlyDictionary<string, string> map => map.Select(e => (e.Key, (object?)e.Value)).ToList(),
        IReadOnlyDictionary<string, HttpHeaderOptions> map => map.Select(e => (e.Key, Tree(e.Value))).ToList(),
        IEnumerable list => list.Cast<object?>().Select(Tree).ToList(),
        _ => Properties(value),
    };

    private static List<(string, object?)> Server(ServerOptions server)
    {
        var tree = Properties(server).Where(p => p.Key != "http_tls_config").ToList();
        if (server.HttpTlsConfig is { } tls)
        {
            tree.Add(("tls_min_version", tls.MinVersion switch { TlsVersion.Tls12 => "VersionTLS12", TlsVersion.Tls13 => "VersionTLS13", _ => "" }));
            tree.Add(("http_tls_config", new List<(string, object?)>
            {
                ("cert", tls.Cert),
                ("key", Masked(tls.Key)),
                ("client_ca", tls.ClientCa),
                ("cert_file", tls.CertFile),
                ("key_file", tls.KeyFile),
                ("client_auth_type", tls.ClientAuthType.ToString()),
                ("client_ca_file", tls.ClientCaFile),
            }));
        }

        return tree;
    }

    private static List<(string Key, object? Value)> Properties(object options)
    {
        var tree = new List<(string, object?)>();
        foreach (var option in OptionTable.Of(options.GetType()))
        {
            // A null says that something else decides, which a file says by not having the key.
            if (option.Property.GetValue(options) is { } value)
                Add(tree, option.Key.Split('.'), option.IsSecret ? Masked(value) : Shown(option.Property.Name, value));
        }

        return tree;
    }

    private static void Add(List<(string Key, object? Value)> tree, ReadOnlySpan<string> path, object? value)
    {
        if (path is [var key])
        {
            tree.Add((key, value));
            return;
        }

        var block = path[0];
        if (tree.Find(entry => entry.Key == block).Value is not List<(string, object?)> inner)
            tree.Add((block, inner = []));
        Add(inner, path[1..], value);
    }

    private static object? Shown(string name, object value) => (name, value) switch
    {
        (nameof(RemoteWriteOptions.Url) or nameof(RemoteWriteOptions.ProxyUrl), string url) => RedactedUrl.Of(url),
        (nameof(RemoteWriteOptions.Headers), IReadOnlyDictionary<string, string> headers) =>
            headers.Select(h => (h.Key, (object?)(Secrets.IsTellingHeader(h.Key) ? Secrets.Mask : h.Value))).ToList(),
        (nameof(RemoteWriteOptions.HttpHeaders), IReadOnlyDictionary<string, HttpHeaderOptions> headers) =>
            headers.Select(h => (h.Key, Tree(Secrets.IsTellingHeader(h.Key) ? h.Value with { Values = [.. h.Value.Values.Select(_ => Secrets.Mask)] } : h.Value))).ToList(),
        _ => Tree(value),
    };

    private static object Masked(object value) => value switch
    {
        string text => text.Length == 0 ? "" : Secrets.Mask,
        IReadOnlyDictionary<string, string> map => map.Select(e => (e.Key, (object?)Secrets.Mask)).ToList(),
        IReadOnlyList<string> list => list.Select(_ => (object?)Secrets.Mask).ToList(),
        _ => Secrets.Mask,
    };

    private static void Write(Emitter emitter, object? value)
    {
        switch (value)
        {
            case List<(string Key, object? Value)> map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, true, map.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (key, item) in map)
                {
                    Write(emitter, key);
                    Write(emitter, item);
                }

                emitter.Emit(new MappingEnd());
                break;

            case List<object?> list:
                var flow = list.All(static item => item is not List<(string, object?)>);
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, flow ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in list)
                    Write(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;

            case string text:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, NeedsQuotes(text) ? ScalarStyle.DoubleQuoted : ScalarStyle.Any, true, true));
                break;

            default:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, Plain(value), ScalarStyle.Plain, true, false));
                break;
        }
    }

    // Text that would be read as something else without them.
    private static bool NeedsQuotes(string text) =>
        text.ToLowerInvariant() is "" or "~" or "null" or "true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n"
        || double.TryParse(text, NumberStyles.Any, CultureInfo.InvariantCulture, out _)
        || text.Contains('\n');

    private static string Plain(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        TimeSpan duration => GoDuration.Format(duration),
        double number => number == Math.Floor(number) && Math.Abs(number) < 1e15
            ? number.ToString("0.0", CultureInfo.InvariantCulture)
            : number.ToString("R", CultureInfo.InvariantCulture),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
