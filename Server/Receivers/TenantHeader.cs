using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;

namespace OrleansTempo.Server.Receivers;

/// <summary>Reads a request's tenant from <c>X-Scope-OrgID</c>, or its tenants, as a query may name them: <c>a|b</c>.</summary>
internal static class TenantHeader
{
    private const string Name = "X-Scope-OrgID";
    private const char Separator = '|';
    private const int MaxShown = 64;

    // Tempo has no bound but the header's length; each tenant is a query of its own.
    private const int MaxTenants = 100;

    /// <summary>The request's tenant; where it has none, <paramref name="missing"/> tells an absent ID from a bad one and <paramref name="error"/> says what is wrong.</summary>
    public static bool TryRead(HttpRequest request, bool multitenancy, out TenantId tenant, out bool missing, out string error)
    {
        tenant = default;
        if (!TryReadAll(request, multitenancy, out var tenants, out missing, out error))
            return false;
        if (tenants is [var one])
        {
            tenant = one;
            return true;
        }

        error = $"{Several(request)}, but this request takes only one. Send one request per tenant";
        return false;
    }

    /// <summary>As <see cref="TryRead"/>, of a request that may name several tenants: each once, in the order of their names.</summary>
    public static bool TryReadAll(HttpRequest request, bool multitenancy, out IReadOnlyList<TenantId> tenants, out bool missing, out string error)
    {
        tenants = [];
        missing = false;
        error = "";
        if (!multitenancy)
        {
            tenants = [TenantId.Single];
            return true;
        }

        var header = request.Headers[Name];
        missing = header.Count == 0 || string.IsNullOrEmpty(header[0]);
        if (header.Count > 1)
        {
            error = $"the request has {header.Count} {Name} headers; only one is allowed";
            return false;
        }

        var found = new SortedDictionary<string, TenantId>(StringComparer.Ordinal);
        foreach (var name in header.ToString().Split(Separator))
        {
            if (!TenantId.TryParse(name, out var tenant, out error))
                return false;
            found[tenant.Value] = tenant;
        }

        if (found.Count > MaxTenants)
        {
            error = $"{Several(request)}: it names {found.Count}, and a query may name at most {MaxTenants}";
            return false;
        }

        tenants = [.. found.Values];
        return true;
    }

    /// <summary>The beginning of a sentence about a request that names several tenants.</summary>
    public static string Several(HttpRequest request)
    {
        var header = request.Headers[Name].ToString();
        return $"{Name} '{(header.Length <= MaxShown ? header : $"{header[..MaxShown]}…")}' names more than one tenant";
    }
}
