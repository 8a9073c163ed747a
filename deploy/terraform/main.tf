# The role that securityhub-exporter assumes in an account. Use it as a module, once for each account's provider, or on its own:
# `hubctl permissions print --format terraform` prints it with the values of one integration filled in.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 4.0" }
  }
}

variable "trusted_role_arns" {
  description = "The deployment's outputs ExportFunctionRoleArn and CheckFunctionRoleArn. No other principal is trusted."
  type        = list(string)

  validation {
    condition     = length(var.trusted_role_arns) > 0
    error_message = "Specify at least one principal that the role trusts."
  }
}

variable "external_id" {
  description = "External ID that the role requires; hubctl integration show prints it. If it is empty, none is required, which is unsafe."
  type        = string
}

variable "role_name" {
  description = "Name of the role, the same in each account of an organization. The deployment's MemberRoleNamePattern must match it."
  type        = string
  default     = "SecurityHubExporter"
}

variable "role_path" {
  description = "Path of the role. MemberRoleNamePattern must match the path and the name."
  type        = string
  default     = "/"
}

variable "auto_accept_product" {
  description = "Whether the role may accept the Prowler product, for an integration with auto_accept_product."
  type        = bool
  default     = false
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account     = data.aws_caller_identity.current.account_id
  securityhub = "arn:${data.aws_partition.current.partition}:securityhub:*"

  trust = {
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Principal = { AWS = var.trusted_role_arns }
        Action    = "sts:AssumeRole"
      },
      { for id in [var.external_id] : "Condition" => { StringEquals = { "sts:ExternalId" = id } } if id != "" },
    )]
  }

  permissions = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # The ARN of a product has no account ID, which only a wildcard matches.
          Sid    = "SendFindings"
          Effect = "Allow"
          Action = "securityhub:BatchImportFindings"
          Resource = [
            "${local.securityhub}:*:product/prowler/prowler",
            "${local.securityhub}:${local.account}:product-subscription/prowler/prowler",
          ]
          Condition = { StringEquals = { "securityhub:TargetAccount" = local.account } }
        },
        {
          Sid      = "ReadSecurityHub"
          Effect   = "Allow"
          Action   = ["securityhub:DescribeHub", "securityhub:GetFindings", "securityhub:ListEnabledProductsForImport"]
          Resource = "${local.securityhub}:${local.account}:hub/default"
        },
        {
          Sid      = "FindRegions"
          Effect   = "Allow"
          Action   = "ec2:DescribeRegions"
          Resource = "*"
        },
      ],
      var.auto_accept_product ? [{
        Sid      = "AcceptProduct"
        Effect   = "Allow"
        Action   = "securityhub:EnableImportFindingsForProduct"
        Resource = "${local.securityhub}:${local.account}:hub/default"
      }] : [],
    )
  }
}

resource "aws_iam_role" "securityhub_exporter" {
  name               = var.role_name
  path               = var.role_path
  description        = "Role with which securityhub-exporter sends Prowler findings to Security Hub of this account"
  assume_role_policy = jsonencode(local.trust)
}

resource "aws_iam_role_policy" "securityhub_exporter" {
  name   = "ExportFindingsToSecurityHub"
  role   = aws_iam_role.securityhub_exporter.id
  policy = jsonencode(local.permissions)
}

output "role_arn" {
  description = "ARN of the role that the integration assumes."
  value       = aws_iam_role.securityhub_exporter.arn
}
