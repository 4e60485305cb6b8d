using Microsoft.AspNetCore.Http;
using OrleansTempo.Core;

namespace OrleansTempo.Server.Receivers;

/// <summary>Reads a request's tenant from <c>X-Scope-OrgID</c>.</summary>
internal static class TenantHeader
{
    private const string Name = "X-Scope-OrgID";

    // Tempo's, of the tenants that a query is about.
    private const char Separator = '|';

    private const int MaxShown = 64;

    /// <summary>The request's tenant; where it has none, <paramref name="missing"/> tells an absent ID from a bad one and <paramref name="error"/> says what is wrong.</summary>
    public static bool TryRead(HttpRequest request, bool multitenancy, out TenantId tenant, out bool missing, out string error)
    {
        missing = false;
        error = "";
        if (!multitenancy)
        {
            tenant = TenantId.Single;
            return true;
        }

        var header = request.Headers[Name];
        missing = header.Count == 0 || string.IsNullOrEmpty(header[0]);
        if (header is [{ } several] && several.Contains(Separator, StringComparison.Ordinal))
        {
            tenant = default;
            error = $"{Name} '{(several.Length <= MaxShown ? several : $"{several[..MaxShown]}…")}' names more than one tenant; a request that writes has one. Send a request for each";
            return false;
        }

        if (header.Count <= 1)
            return TenantId.TryParse(header.Count == 0 ? null : header[0], out tenant, out error);

        tenant = default;
        error = $"{header.Count} {Name} headers, one is allowed";
        return false;
    }
}
