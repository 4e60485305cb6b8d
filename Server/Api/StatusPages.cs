using System.Net;
using System.Text;
using System.Text.Json;
using OrleansTempo.Core;

namespace OrleansTempo.Server.Api;

/// <summary>The plain-text pages under <c>/status</c>.</summary>
internal sealed class StatusPages(TempoServerParts parts, Func<IReadOnlyDictionary<string, EndPoint>> addresses, Func<IEnumerable<ApiRoute>> routes)
{
    public string All() => Version() + "\n" + Services() + "\n" + Endpoints() + "\n" + (parts.RemoteWrite is { } queues ? new RemoteWritePage(queues).Text() + "\n" : "") + Config();

    public static string Version() => $"GET /status/version\nOrleansTempo {BuildInformation.FullVersion} ({System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription})\n";

    public string Services()
    {
        var text = new StringBuilder("GET /status/services\n");
        foreach (var (name, status) in parts.Services())
            text.Append(name.PadRight(24)).Append(' ').Append(status).Append('\n');
        return text.ToString();
    }

    public string Endpoints()
    {
        var text = new StringBuilder("GET /status/endpoints\n");
        foreach (var (name, address) in addresses())
            text.Append(name.PadRight(24)).Append(" listens on ").Append(address).Append('\n');
        foreach (var route in routes().OrderBy(static r => r.Path, StringComparer.Ordinal))
            text.Append(route.Path.PadRight(24)).Append(' ').Append(route.Description).Append('\n');
        return text.ToString();
    }

    /// <summary>A YAML document, so that what is shown can be used as a file again: the heading is a comment.</summary>
    public string Config() => "# GET /status/config\n---\n" + parts.ConfigText();

    /// <summary>The keys of Prometheus' and Tempo's build information; what a .NET build does not know is empty.</summary>
    public static byte[] BuildInfo() =>
        JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>
        {
            ["version"] = BuildInformation.Version,
            ["revision"] = BuildInformation.Revision,
            ["branch"] = "",
            ["buildUser"] = "",
            ["buildDate"] = "",
            ["goVersion"] = "",
        });
}
