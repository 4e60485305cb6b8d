using System.Globalization;
using System.IO.Enumeration;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Receivers;

/// <summary>Adds the CORS headers an origin is entitled to, and answers preflights.</summary>
internal sealed class CorsPolicy
{
    private readonly string[] _origins;
    private readonly string[] _headers;
    private readonly bool _anyOrigin;
    private readonly bool _anyHeader;
    private readonly string _maxAge;

    public CorsPolicy(CorsOptions options)
    {
        // '\' and '?' mean something to the matcher, and nothing in an origin.
        _origins = [.. options.AllowedOrigins.Select(static o => o.TrimEnd('/').Replace(@"\", @"\\").Replace("?", @"\?"))];
        _headers = ["accept", "accept-language", "content-language", "content-type", .. options.AllowedHeaders];
        _anyOrigin = options.AllowedOrigins.Contains("*");
        _anyHeader = options.AllowedHeaders.Contains("*");
        _maxAge = options.MaxAge > 0 ? options.MaxAge.ToString(CultureInfo.InvariantCulture) : "";
    }

    /// <summary>Puts the headers of a plain request's answer; none where the request has no origin or one that is not allowed.</summary>
    public bool Apply(HttpContext context)
    {
        var origin = context.Request.Headers.Origin;
        var headers = context.Response.Headers;
        if (!_anyOrigin)
            headers.Vary = "Origin";
        if (origin.Count != 1 || !Allows(origin[0]!))
            return false;

        if (_anyOrigin)
        {
            headers.AccessControlAllowOrigin = "*";
        }
        else
        {
            // navigator.sendBeacon, which exporters use when a page closes, always asks with credentials.
            headers.AccessControlAllowOrigin = origin;
            headers.AccessControlAllowCredentials = "true";
        }

        return true;
    }

    /// <summary>Whether the request is a browser's question before the real one.</summary>
    public static bool IsPreflight(HttpRequest request) =>
        HttpMethods.IsOptions(request.Method) && request.Headers.Origin.Count > 0 && request.Headers.AccessControlRequestMethod.Count > 0;

    /// <summary>Answers a preflight; one that asks for something not allowed gets an answer without permission.</summary>
    public void AnswerPreflight(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        var request = context.Request.Headers;
        var wanted = request.AccessControlRequestHeaders.ToString();
        if (!string.Equals(request.AccessControlRequestMethod, "POST", StringComparison.Ordinal) || !AllowsHeaders(wanted) || !Apply(context))
            return;

        var answer = context.Response.Headers;
        answer.AccessControlAllowMethods = "POST";
        if (wanted.Length > 0)
            answer.AccessControlAllowHeaders = wanted;
        if (_maxAge.Length > 0)
            answer.AccessControlMaxAge = _maxAge;
    }

    private bool Allows(string origin)
    {
        foreach (var pattern in _origins)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, origin, ignoreCase: true))
                return true;
        }

        return false;
    }

    private bool AllowsHeaders(string wanted)
    {
        if (_anyHeader)
            return true;
        foreach (var header in wanted.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!_headers.Contains(header, StringComparer.OrdinalIgnoreCase))
                return false;
        }

        return true;
    }
}
