using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;
using OrleansTempo.Server.Configuration.Pages;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Api;

/// <summary>The pages about tenants' overrides: which tenants have some, what one tenant's are, and all of the per-tenant file. HTML, or JSON where that is asked for, with Tempo's fields.</summary>
internal sealed class OverridesPages(ConfiguredOverrides overrides, TimeProvider time)
{
    public const string TenantParameter = "tenant";

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public Task TenantsAsync(HttpContext context)
    {
        var users = overrides.UserConfigurable?.Overrides.Tenants.Select(static tenant => tenant.Value).ToHashSet() ?? [];
        var operators = overrides.FileEntries;
        var tenants = operators.Keys.Union(users).Order(StringComparer.Ordinal).Select(name => new TenantRow(name, operators.ContainsKey(name), users.Contains(name))).ToList();
        if (WantsJson(context.Request))
            return WriteAsync(context, "application/json", JsonSerializer.Serialize(new { Now = time.GetUtcNow(), Tenants = tenants }, s_json));

        var rows = new StringBuilder();
        foreach (var (name, hasRuntime, hasUser) in tenants)
            rows.Append(CultureInfo.InvariantCulture, $"<tr><td><a href=\"overrides/{Uri.EscapeDataString(name)}\">{WebUtility.HtmlEncode(name)}</a></td><td>{(hasRuntime ? "x" : "")}</td><td>{(hasUser ? "x" : "")}</td></tr>\n");
        return WriteAsync(context, "text/html; charset=utf-8", Page("Overrides: tenants", $"""
            <table border="1" cellpadding="5">
            <tr><th>Tenant</th><th>Runtime overrides</th><th>User-configurable overrides</th></tr>
            {rows}</table>
            """));
    }

    public Task TenantAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues[TenantParameter]!;
        var entries = overrides.FileEntries;
        var isWildcard = name == OverridesReader.Wildcard;
        TenantId tenant = default;
        if (!isWildcard && !TenantId.TryParse(name, out tenant, out var error))
            return PlainText.WriteAsync(context.Response, StatusCodes.Status400BadRequest, error + "\n");

        var page = new TenantPage(
            time.GetUtcNow(),
            name,
            overrides.UserConfigurable is not { } users ? "User-configurable overrides are not enabled"
                : isWildcard || users.LimitsOf(tenant) is not { } limits ? "No user-configurable overrides set"
                : limits.ToIndentedText(),
            ConfigurationPage.Render(isWildcard ? entries.GetValueOrDefault(name, overrides.Defaults) : overrides.Operators.For(tenant)),
            entries.ContainsKey(name) ? name : entries.ContainsKey(OverridesReader.Wildcard) ? OverridesReader.Wildcard : "default overrides",
            isWildcard ? null : ConfigurationPage.Render(overrides.Current.For(tenant)));
        if (WantsJson(context.Request))
            return WriteAsync(context, "application/json", JsonSerializer.Serialize(page, s_json));

        var both = page.InEffect is null ? "" : $"<h3>In effect</h3>\n<pre>{WebUtility.HtmlEncode(page.InEffect)}</pre>\n";
        return WriteAsync(context, "text/html; charset=utf-8", Page("Overrides: tenant", $"""
            <p>Tenant: <strong>{WebUtility.HtmlEncode(name)}</strong></p>
            <h3>User-configurable overrides</h3>
            <pre>{WebUtility.HtmlEncode(page.UserConfigurableOverrides)}</pre>
            <h3>Runtime overrides</h3>
            <p>Source of runtime overrides: <strong>{WebUtility.HtmlEncode(page.RuntimeOverridesSource)}</strong></p>
            <pre>{WebUtility.HtmlEncode(page.RuntimeOverrides)}</pre>
            {both}
            """));
    }

    /// <summary>The defaults and every entry of the per-tenant file as YAML; with <c>?mode=diff</c> of every entry what is other than in the defaults.</summary>
    public Task RuntimeConfigAsync(HttpContext context)
    {
        var onlyDifferences = context.Request.Query["mode"] == "diff";
        return PlainText.WriteAsync(context.Response, "---\n" + ConfigurationPage.RenderTenants(overrides.Defaults, overrides.FileEntries, onlyDifferences));
    }

    private string Page(string title, string body) => $"""
        <!DOCTYPE html>
        <html>
        <head><meta charset="UTF-8"><title>{title}</title></head>
        <body>
        <h1>{title}</h1>
        <p>Current time: {time.GetUtcNow():O}</p>
        {body}
        </body>
        </html>

        """;

    private static bool WantsJson(HttpRequest request) => request.Headers.Accept is [{ } accept, ..] && accept.Contains("application/json", StringComparison.Ordinal);

    private static async Task WriteAsync(HttpContext context, string contentType, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        context.Response.ContentType = contentType;
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(bytes);
    }

    private sealed record TenantRow(string Name, bool HasRuntimeOverrides, bool HasUserConfigurableOverrides);

    private sealed record TenantPage(
        DateTimeOffset Now,
        string Tenant,
        string UserConfigurableOverrides,
        string RuntimeOverrides,
        [property: JsonPropertyName("using_default_or_wildcard_runtime_overrides")] string RuntimeOverridesSource,
        string? InEffect);
}
